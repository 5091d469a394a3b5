// A diff is right if applying it to the old text gives the new one, and reading it backwards the old one; it is shortest if
// it keeps as many lines as the longest common subsequence has, found here by the plain table of all prefixes.
#include "daemon/revisions/line_diff.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "daemon/revisions/revision_store.h"
#include "tests/daemon/revisions/numbered_policy.h"

namespace pulsed::test {
namespace {

using revisions::unified_diff;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::size_t longest_common_subsequence(const std::vector<std::string>& a,
                                       const std::vector<std::string>& b) {
  std::vector<std::vector<std::size_t>> best(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      best[i + 1][j + 1] = a[i] == b[j] ? best[i][j] + 1 : std::max(best[i][j + 1], best[i + 1][j]);
    }
  }
  return best[a.size()][b.size()];
}

struct Counts {
  std::size_t removed = 0;
  std::size_t added = 0;
};

// What `patch` does, strictly: every number of every hunk must be right.
std::string patched(const std::string& old_text, const std::string& diff, Counts& counts) {
  const std::vector<std::string> from = lines_of(old_text);
  const std::vector<std::string> script = lines_of(diff);
  std::vector<std::string> to;
  std::size_t at = 0;
  REQUIRE(script.size() > 2);
  REQUIRE(script[0] == "--- old");
  REQUIRE(script[1] == "+++ new");
  for (std::size_t i = 2; i < script.size();) {
    std::size_t old_begin = 0, old_count = 1, new_begin = 0, new_count = 1;
    const std::string& header = script[i++];
    const bool whole =
        std::sscanf(header.c_str(), "@@ -%zu,%zu", &old_begin, &old_count) >= 1 &&
        std::sscanf(header.c_str() + header.find('+'), "+%zu,%zu @@", &new_begin, &new_count) >= 1;
    REQUIRE(whole);
    const std::size_t begin = old_count == 0 ? old_begin : old_begin - 1;
    REQUIRE(begin >= at);
    while (at < begin) to.push_back(from.at(at++));
    REQUIRE(to.size() == (new_count == 0 ? new_begin : new_begin - 1));
    const std::size_t old_end = at + old_count;
    const std::size_t new_end = to.size() + new_count;
    while (at < old_end || to.size() < new_end) {
      const std::string& line = script.at(i++);
      if (line[0] != '+') REQUIRE(from.at(at++) == line.substr(1));
      if (line[0] != '-') to.push_back(line.substr(1));
      counts.removed += line[0] == '-' ? 1 : 0;
      counts.added += line[0] == '+' ? 1 : 0;
    }
    REQUIRE(at == old_end);
    REQUIRE(to.size() == new_end);
  }
  while (at < from.size()) to.push_back(from[at++]);
  return text_of(to);
}

std::vector<std::string> random_lines(std::mt19937& random, std::size_t most, unsigned letters) {
  std::vector<std::string> lines(random() % (most + 1));
  for (std::string& line : lines)
    line = std::string(1, static_cast<char>('a' + random() % letters));
  return lines;
}

}  // namespace

TEST_CASE("A diff of random texts is right and the shortest there is") {
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    const unsigned letters = 1 + random() % 6;
    const auto a = random_lines(random, 14, letters);
    const auto b = random_lines(random, 14, letters);
    const std::string from = text_of(a);
    const std::string to = text_of(b);
    const std::string diff = unified_diff(from, to, "old", "new");
    CAPTURE(from);
    CAPTURE(to);
    CAPTURE(diff);
    REQUIRE(diff.empty() == (from == to));
    if (from == to) continue;
    Counts counts;
    REQUIRE(patched(from, diff, counts) == to);
    const std::size_t common = longest_common_subsequence(a, b);
    REQUIRE(counts.removed == a.size() - common);
    REQUIRE(counts.added == b.size() - common);
  }
}

TEST_CASE("A diff of long texts with few changes is right and the shortest there is") {
  std::mt19937 random(4);
  for (int i = 0; i < 20; ++i) {
    std::vector<std::string> a;
    for (int line = 0; line < 600; ++line) a.push_back("line " + std::to_string(random() % 40));
    std::vector<std::string> b = a;
    for (int edit = 0; edit < 12; ++edit) {
      const auto at = static_cast<long>(random() % b.size());
      if (random() % 2 == 0)
        b.erase(b.begin() + at);
      else
        b.insert(b.begin() + at, "line " + std::to_string(random() % 40));
    }
    Counts counts;
    REQUIRE(patched(text_of(a), unified_diff(text_of(a), text_of(b), "old", "new"), counts) ==
            text_of(b));
    CHECK(counts.removed == a.size() - longest_common_subsequence(a, b));
  }
}

TEST_CASE("Texts with nothing in common, and too long to search, are replaced as a whole") {
  std::vector<std::string> a{"same head"};
  std::vector<std::string> b{"same head"};
  for (std::size_t i = 0; i < revisions::kMostEdits; ++i) {
    a.push_back("a" + std::to_string(i));
    b.push_back("b" + std::to_string(i));
  }
  Counts counts;
  CHECK(patched(text_of(a), unified_diff(text_of(a), text_of(b), "old", "new"), counts) ==
        text_of(b));
  CHECK(counts.removed == revisions::kMostEdits);
}

TEST_CASE("A last line without a newline is told from one with it") {
  CHECK(unified_diff("a\nb", "a\nb\n", "old", "new") ==
        "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
}

TEST_CASE("Changes further apart than their surroundings stand in hunks of their own") {
  std::string from;
  for (int i = 1; i <= 12; ++i) from += std::to_string(i) + "\n";
  std::string to = from;
  to.replace(to.find("2\n"), 2, "two\n");
  to.erase(to.find("12\n"));
  CHECK(unified_diff(from, to, "old", "new") ==
        "--- old\n+++ new\n@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n"
        "@@ -9,4 +9,3 @@\n 9\n 10\n 11\n-12\n");
}

TEST_CASE("The diff of two policies is that of their policy.yaml") {
  const policy::Policy from = numbered_policy(1);
  policy::Policy to = from;
  CHECK(revisions::diff(from, to, "revision 1", "revision 2").empty());
  to.enforcement = policy::Enforcement::kObserve;
  const std::string diff = revisions::diff(from, to, "revision 1", "revision 2");
  CHECK(diff.starts_with("--- revision 1\n+++ revision 2\n@@ "));
  CHECK(diff.find("\n-enforcement: enforce\n") != std::string::npos);
  CHECK(diff.find("\n+enforcement: observe\n") != std::string::npos);
}

}  // namespace pulsed::test
