// A disk that does not let a store know what it holds: nothing there is renamed or written over.
#include <doctest/doctest.h>

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "tests/daemon/revisions/commits.h"
#include "tests/daemon/revisions/failing_disk.h"
#include "tests/daemon/revisions/numbered_policy.h"
#include "tests/daemon/revisions/said.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;
using revisions::Gravity;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Five revisions, each of its number's policy.
struct Filled {
  Filled() {
    RevisionStore store(dir.path());
    for (std::uint64_t i = 1; i <= 5; ++i) made(commit(store, {numbered_policy(i), kSomebody}));
  }
  [[nodiscard]] std::string file(std::uint64_t number) const {
    return dir.path() + "/revisions/0000000000000000000" + std::to_string(number) + ".json";
  }
  // Names and bytes of revisions.
  [[nodiscard]] std::map<std::string, std::string> revisions() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(dir.path() + "/revisions")) {
      const std::string name = entry.path().filename().string();
      if (name.find(".json") != std::string::npos) all[name] = text_of(entry.path());
    }
    return all;
  }
  // As a pulsed to come might have written it.
  void rewrite(std::uint64_t number, const std::string& from, const std::string& to) const {
    std::string bytes = text_of(file(number));
    bytes.resize(bytes.rfind(",\n  \"crc32\""));
    const std::size_t at = bytes.find(from);
    REQUIRE(at != std::string::npos);
    bytes.replace(at, from.size(), to);
    std::array<char, 9> sum{};
    std::snprintf(sum.data(), sum.size(), "%08lx",
                  ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
    std::ofstream(file(number)) << bytes << ",\n  \"crc32\": \"" << sum.data() << "\"\n}\n";
  }

  TempDir dir;
};

void check_refuses(RevisionStore& store, const std::string& why) {
  CHECK(store.not_durable().find(why) != std::string::npos);
  CHECK(store.not_durable().find("--state-dir") != std::string::npos);
  CHECK(refused(commit(store, {numbered_policy(9), kSomebody})).refusal == Refusal::kNotStored);
}

}  // namespace

TEST_CASE("A directory that does not list is not taken for an empty one") {
  for (const int error : {EMFILE, EIO}) {
    const Filled on;
    const auto before = on.revisions();
    FailingDisk disk;
    disk.fail_to_read(".", error);
    Said said;
    {
      RevisionStore store(on.dir.path(), said.log(), &disk);
      std::ignore = store.import({}, {});
      check_refuses(store, "cannot list");
      CHECK(said.count(Gravity::kWarning, "cannot list") == 1);
    }
    CHECK(on.revisions() == before);
    CHECK(RevisionStore(on.dir.path()).current()->number == 5);
  }
}

TEST_CASE("A newest revision that fails to be read once is in force at the next start") {
  for (const int error : {EIO, EMFILE, EACCES, ENOMEM}) {
    const Filled on;
    const auto before = on.revisions();
    FailingDisk disk;
    disk.fail_to_read("5.json", error);
    Said said;
    {
      RevisionStore store(on.dir.path(), said.log(), &disk);
      CHECK(store.current()->number == 4);
      check_refuses(store, "cannot read " + on.file(5));
      CHECK(said.count(Gravity::kError, on.file(5)) == 1);
      // In memory, by a number that nobody has.
      CHECK(made(store.import(numbered_policy(7), kFile))->number == 6);
    }
    CHECK(on.revisions() == before);
    const RevisionStore again(on.dir.path());
    CHECK(again.current()->number == 5);
    CHECK(again.not_durable().empty());
  }
}

TEST_CASE("An older revision that does not read is said, and is in nobody's way") {
  const Filled on;
  FailingDisk disk;
  disk.fail_to_read("3.json", EIO);
  Said said;
  RevisionStore store(on.dir.path(), said.log(), &disk);
  CHECK(said.count(Gravity::kError, on.file(3)) == 1);
  CHECK(store.find(3) == nullptr);
  CHECK(store.current()->number == 5);
  CHECK(made(commit(store, {numbered_policy(6), kSomebody}))->number == 6);
  CHECK(fs::exists(on.file(3)));
}

TEST_CASE("Revisions of a pulsed to come stay as they are, whoever else is started") {
  using Text = std::pair<std::string, std::string>;
  for (const auto& [from, to] :
       {Text{"\"format\": 1", "\"format\": 2"}, Text{"demotion_quiet", "promotion_quiet"}}) {
    CAPTURE(to);
    const Filled on;
    for (const std::uint64_t number : {3, 4, 5}) on.rewrite(number, from, to);
    const auto before = on.revisions();
    Said said;
    {
      RevisionStore store(on.dir.path(), said.log());
      CHECK(store.current()->number == 2);
      check_refuses(store, on.file(5) + " is of another pulsed");
    }
    CHECK(on.revisions() == before);
    for (const std::uint64_t number : {3, 4, 5}) on.rewrite(number, to, from);
    CHECK(RevisionStore(on.dir.path()).current()->number == 5);
  }
}

}  // namespace pulsed::test
