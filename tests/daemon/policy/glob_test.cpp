#include "daemon/policy/glob.h"

#include <doctest/doctest.h>

#include <bitset>
#include <string>
#include <vector>

namespace pulsed::policy {
namespace {

// Every text of at most `longest` letters of an alphabet.
std::vector<std::string> all_texts(std::string_view letters, std::size_t longest) {
  std::vector<std::string> texts{""};
  for (std::size_t begin = 0, length = 0; length < longest; ++length) {
    const std::size_t end = texts.size();
    for (; begin < end; ++begin) {
      for (const char letter : letters) texts.push_back(texts[begin] + letter);
    }
  }
  return texts;
}

TEST_CASE("globs know * and ? and nothing else") {
  CHECK(glob_match("checkout/*", "checkout/render"));
  CHECK(glob_match("*render", "checkout/render"));
  CHECK(glob_match("a*b*c", "a--b-b--c"));
  CHECK(glob_match("?bc", "abc"));
  CHECK(glob_match("", ""));
  CHECK(glob_match("***", ""));
  CHECK_FALSE(glob_match("checkout", "checkout/render"));
  CHECK_FALSE(glob_match("?", ""));
  CHECK_FALSE(glob_match("a*b", "a-c"));
  CHECK_FALSE(glob_match("[ab]", "a"));
  CHECK(glob_match("[ab]", "[ab]"));
  CHECK_FALSE(glob_match("", "a"));
}

TEST_CASE("a glob full of stars is matched without backtracking") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  CHECK_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
}

TEST_CASE("a glob covers what is narrower") {
  CHECK(glob_covers("*", "checkout/*"));
  CHECK(glob_covers("checkout/*", "checkout/render"));
  CHECK(glob_covers("checkout/*", "checkout/*/?"));
  CHECK(glob_covers("*?", "?*"));
  CHECK(glob_covers("?*?", "*??"));
  CHECK(glob_covers("a*c", "ab*bc"));
  CHECK_FALSE(glob_covers("checkout/*", "*"));
  CHECK_FALSE(glob_covers("checkout/?*", "checkout/*"));
  CHECK_FALSE(glob_covers("a*b", "a*"));
  CHECK_FALSE(glob_covers("a", "?"));
  CHECK_FALSE(glob_covers("*a*", "*"));
}

// Short globs over two letters, held against all texts of up to six letters of those two and a third that
// no glob names.
TEST_CASE("cover and overlap say what the matched texts say") {
  const std::vector<std::string> globs = all_texts("ab*?", 4);
  const std::vector<std::string> texts = all_texts("abc", 6);
  using Texts = std::bitset<1'093>;
  REQUIRE(texts.size() == Texts().size());
  std::vector<Texts> matched(globs.size());
  for (std::size_t g = 0; g < globs.size(); ++g) {
    for (std::size_t t = 0; t < texts.size(); ++t) matched[g][t] = glob_match(globs[g], texts[t]);
  }
  std::size_t covered = 0;
  std::size_t missed = 0;
  for (std::size_t a = 0; a < globs.size(); ++a) {
    for (std::size_t b = 0; b < globs.size(); ++b) {
      const bool covers = glob_covers(globs[a], globs[b]);
      const bool truly = (matched[b] & ~matched[a]).none();
      const bool exact =
          globs[a].find('?') == std::string::npos || globs[b].find('*') == std::string::npos;
      CAPTURE(globs[a]);
      CAPTURE(globs[b]);
      if (covers) REQUIRE(truly);
      if (exact) REQUIRE(covers == truly);
      covered += covers ? 1 : 0;
      missed += truly && !covers ? 1 : 0;
      REQUIRE(globs_overlap(globs[a], globs[b]) == (matched[a] & matched[b]).any());
    }
  }
  CHECK(missed == 0);
}

}  // namespace
}  // namespace pulsed::policy
