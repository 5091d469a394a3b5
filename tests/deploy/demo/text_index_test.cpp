#include "deploy/demo/text_index.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace pulsed::demo {
namespace {

constexpr std::string_view kText =
    "The work is free.\nWork on it!\n\nNo warranty: the work comes as it is.\n\n1. 2. 3.\n\nFree "
    "as in beer";

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for_each_word(text, [&](std::string_view word, std::size_t) { words.emplace_back(word); });
  return words;
}

TEST_CASE("words are runs of ASCII letters in lower case") {
  CHECK(words_of("It's GNU/Linux, 2nd Edition@[`{") ==
        std::vector<std::string>{"it", "s", "gnu", "linux", "nd", "edition"});
  CHECK(words_of("").empty());
  CHECK(words_of("123 \xC3\xA9 \n").empty());
}

TEST_CASE("every word comes with where it begins") {
  std::vector<std::size_t> offsets;
  for_each_word("ab  c\nd",
                [&](std::string_view, std::size_t offset) { offsets.push_back(offset); });
  CHECK(offsets == std::vector<std::size_t>{0, 4, 6});
}

TEST_CASE("a paragraph ends at a blank line and counts only if it has words") {
  CHECK(TextIndex(kText).paragraphs() == 3);
  CHECK(TextIndex("").paragraphs() == 0);
}

TEST_CASE("a lookup finds every paragraph with the word, the densest first") {
  const TextIndex index(kText);
  const Lookup found = index.lookup("work");
  CHECK(found.paragraphs == 2);
  REQUIRE(found.hits.size() == 2);
  CHECK(found.hits[0].paragraph == 0);
  CHECK(found.hits[0].score > found.hits[1].score);
  CHECK(found.hits[1].excerpt.find("work") != std::string_view::npos);
}

TEST_CASE("an excerpt stays inside its paragraph") {
  const TextIndex index(kText);
  const Lookup found = index.lookup("beer");
  REQUIRE(found.hits.size() == 1);
  CHECK(found.hits[0].excerpt == "Free as in beer");
}

TEST_CASE("neighbours are what is frequent beside the word and rare elsewhere") {
  const TextIndex index(kText);
  const Lookup found = index.lookup("warranty");
  REQUIRE(!found.neighbours.empty());
  CHECK(found.neighbours.size() <= kMaxNeighbours);
  for (const Neighbour& neighbour : found.neighbours) CHECK(neighbour.word != "warranty");
  CHECK(found.neighbours.back().word != "the");
}

TEST_CASE("a word that is not there has no hits") {
  const Lookup found = TextIndex(kText).lookup("zebra");
  CHECK(found.paragraphs == 0);
  CHECK(found.hits.empty());
  CHECK(found.neighbours.empty());
}

}  // namespace
}  // namespace pulsed::demo
