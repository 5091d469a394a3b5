// The structured mutations without libFuzzer, so that every compiler and sanitizer runs them.
#include "tests/fuzz/policy_mutator.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "daemon/config/file_text.h"
#include "tests/fuzz/policy_properties.h"

namespace pulsed::fuzz {
namespace {

int trials(int few) { return std::getenv("PULSED_TEST_FULL") != nullptr ? few * 20 : few; }

std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  for (const auto& file :
       std::filesystem::directory_iterator(PULSED_SOURCE_DIR "/tests/fuzz/corpus/policy")) {
    const auto read = config::read_file(file.path());
    REQUIRE(read.text);
    texts.push_back(*read.text);
  }
  REQUIRE(texts.size() >= 4);
  return texts;
}

TEST_CASE("every text of the corpus is refused with words or holds all properties") {
  for (const std::string& text : corpus()) {
    CAPTURE(text);
    CHECK_NOTHROW(check_policy_text(text));
  }
}

// Chains of mutations, each begun again from the corpus when it has grown long. Of the mutants a good part is
// accepted, and a good part refused: else there would be little to find.
TEST_CASE("mutants of the corpus are refused with words or hold all properties") {
  Random random(20'501);
  const std::vector<std::string> seeds = corpus();
  int accepted = 0;
  std::string text = seeds.front();
  std::set<std::string> different;
  for (int i = 0; i < trials(2'000); ++i) {
    std::string next = mutated_policy(text, random);
    CAPTURE(next);
    bool good = false;
    REQUIRE_NOTHROW(good = check_policy_text(next));
    accepted += good ? 1 : 0;
    different.insert(next);
    text = good && next.size() < 4'000 ? next : seeds[random() % seeds.size()];
  }
  CHECK(accepted > trials(2'000) / 10);
  CHECK(accepted < trials(2'000) * 9 / 10);
  CHECK(static_cast<int>(different.size()) > trials(2'000) * 9 / 10);
}

TEST_CASE("the same seed mutates the same way") {
  Random one(7);
  Random other(7);
  for (const std::string& text : corpus())
    CHECK(mutated_policy(text, one) == mutated_policy(text, other));
}

}  // namespace
}  // namespace pulsed::fuzz
