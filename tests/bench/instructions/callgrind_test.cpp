#include "tests/bench/instructions/callgrind.h"

#include <doctest/doctest.h>

#include <sstream>

using namespace pulsed::bench;

namespace {

Dump dump(bool with, std::uint64_t length, std::uint64_t instructions) {
  return {{"call", "g++-12 -O2", 4, with, length}, instructions};
}

// As callgrind 3.19 writes it, shortened.
std::string file(const std::string& thread, const std::string& request) {
  return "# callgrind format\nversion: 1\npid: 7\npart: 3\nthread: " + thread +
         "\n\ndesc: Trigger: Client Request: " + request +
         "\n\npositions: line\nevents: Ir\nsummary: 5012\n\nfn=(1) main\n9 5012\n\ntotals: 5012\n";
}

}  // namespace

TEST_CASE("a dump says which loop it is of, and what the main thread executed") {
  const Label label{"poll end", "g++-12 -O2", 4, true, 1000};
  std::istringstream of_main(file("1", label.text()));
  const std::optional<Dump> found = read_dump(of_main);
  REQUIRE(found);
  CHECK(found->instructions == 5012);
  CHECK(found->label.name == "poll end");
  CHECK(found->label.compiler == "g++-12 -O2");
  CHECK(found->label.at_most == 4);
  CHECK(found->label.with);
  CHECK(found->label.length == 1000);
}

TEST_CASE("what other threads executed, and dumps that nobody asked for, are no counts") {
  const Label label{"poll end", "g++-12 -O2", {}, true, 1000};
  std::istringstream of_other(file("2", label.text()));
  CHECK_FALSE(read_dump(of_other));
  std::istringstream unlabelled(file("1", "something else"));
  CHECK_FALSE(read_dump(unlabelled));
}

TEST_CASE("a call costs what two lengths of its loop differ by, less that of the loop without it") {
  const std::vector<Count> counts = counts_of({dump(false, 1000, 3090), dump(false, 2000, 6090),
                                               dump(true, 1000, 34500), dump(true, 2000, 68500)});
  REQUIRE(counts.size() == 1);
  CHECK(counts[0].instructions == "31");
  CHECK(counts[0].at_most == 4);
}

TEST_CASE("one instruction more in one round of a thousand is seen") {
  const std::vector<Count> counts = counts_of({dump(false, 1000, 3000), dump(false, 2000, 6000),
                                               dump(true, 1000, 7000), dump(true, 2000, 14001)});
  CHECK(counts.at(0).instructions == "4.001");
}

TEST_CASE("a loop that was dumped in one length only is an error") {
  CHECK_THROWS(counts_of({dump(true, 1000, 7000)}));
  CHECK_THROWS(counts_of({dump(true, 1000, 7000), dump(true, 2000, 14000), dump(false, 1000, 3000),
                          dump(false, 3000, 9000)}));
}
