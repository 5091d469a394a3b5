#include "tests/bench/instructions/stored_counts.h"

#include <doctest/doctest.h>

using namespace pulsed::bench;

namespace {

constexpr char kFile[] =
    "# What they are.\n"
    "poll begin | g++-12 -O2     | 19 | a load | and more\n"
    "poll end   | g++-12 -O2     | 31 | a store\n"
    "poll end   | clang++-14 -O2 | 33 | two stores\n";

StoredCounts stored() { return StoredCounts::parse(kFile, "expected"); }
Count count(const std::string& name, const std::string& instructions,
            const std::string& compiler = "g++-12 -O2") {
  return {name, compiler, instructions, {}};
}

}  // namespace

TEST_CASE("a count that differs by one instruction differs") {
  CHECK(stored().standing(count("poll end", "31")) == Standing::kAsStored);
  CHECK(stored().standing(count("poll end", "32")) == Standing::kDiffers);
  CHECK(stored().standing(count("poll end", "30.999")) == Standing::kDiffers);
}

TEST_CASE("a compiler of which nothing is stored is told from a call that is not stored") {
  CHECK(stored().standing(count("poll end", "31", "g++-13 -O2")) == Standing::kUnknownCompiler);
  CHECK(stored().standing(count("poll end", "31", "g++-12 -O3")) == Standing::kUnknownCompiler);
  CHECK(stored().standing(count("poll begin", "19", "clang++-14 -O2")) == Standing::kNotStored);
}

TEST_CASE("what is stored of a compiler and not counted any more is named") {
  const std::vector<StoredCount> gone = stored().gone({count("poll end", "31")});
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].name == "poll begin");
  CHECK(gone[0].compiler == "g++-12 -O2");
}

TEST_CASE("a call that this build compiles with other flags is not gone, and its line is kept") {
  const std::vector<Count> other_flags{count("poll begin", "19"),
                                       count("poll end", "29", "g++-12 -O3")};
  CHECK(stored().gone(other_flags).empty());
  StoredCounts counts = stored();
  counts.accept(other_flags, "of a build with -O3");
  CHECK(counts.standing(count("poll end", "31")) == Standing::kAsStored);
  CHECK(counts.standing(count("poll end", "29", "g++-12 -O3")) == Standing::kAsStored);
}

TEST_CASE("accepting gives the reason to what changed alone, and keeps other compilers' lines") {
  StoredCounts counts = stored();
  counts.accept({count("poll begin", "19"), count("poll end", "32"), count("poll next", "40")},
                "ends and begins in one");
  CHECK(counts.text() ==
        "# What they are.\n"
        "poll begin | g++-12 -O2     | 19 | a load | and more\n"
        "poll end   | g++-12 -O2     | 32 | ends and begins in one\n"
        "poll next  | g++-12 -O2     | 40 | ends and begins in one\n"
        "poll end   | clang++-14 -O2 | 33 | two stores\n");
}

TEST_CASE("a line without a reason is refused, with its place") {
  const auto parse = [](const char* text) { (void)StoredCounts::parse(text, "expected"); };
  CHECK_THROWS_WITH(parse("# head\npoll end | g++-12 -O2 | 31 | \n"),
                    "expected:2: expected name | compiler | count | reason");
  CHECK_THROWS(parse("poll end | g++-12 -O2 | 31\n"));
}
