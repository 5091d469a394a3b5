#include "daemon/policy/glob.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace pulsed::policy {
namespace {

// The usual greedy match: on a mismatch only the last `*` can take one more symbol. `takes` says what a
// symbol of the pattern other than `*` takes.
template <typename Takes>
bool greedy_match(std::string_view pattern, std::string_view text, Takes takes) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && takes(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// The same texts, each run of wildcards as `?`s and then at most one `*`.
std::string canonical(std::string_view glob) {
  std::string out;
  bool star = false;
  for (const char c : glob) {
    if (c == '*') {
      star = true;
      continue;
    }
    if (star && c != '?') {
      out += '*';
      star = false;
    }
    out += c;
  }
  return star ? out + '*' : out;
}

bool canonical_already(std::string_view glob) {
  return glob.find("**") == glob.npos && glob.find("*?") == glob.npos;
}

bool alike(char x, char y) { return x == y || x == '?' || y == '?'; }

// Most rules differ before the first `*` or behind the last: told apart at once.
bool begin_alike(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] == '*' || b[i] == '*') return true;
    if (!alike(a[i], b[i])) return false;
  }
  return true;
}

bool end_alike(std::string_view a, std::string_view b) {
  for (std::size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
    const char x = a[a.size() - i];
    const char y = b[b.size() - i];
    if (x == '*' || y == '*') return true;
    if (!alike(x, y)) return false;
  }
  return true;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
  return greedy_match(pattern, text, [](char p, char t) { return p == '?' || p == t; });
}

// The wildcards of `narrow` are symbols that only wildcards take: a name could have anything there.
bool glob_covers(std::string_view wide, std::string_view narrow) {
  if (!canonical_already(wide)) return glob_covers(canonical(wide), narrow);
  if (!canonical_already(narrow)) return glob_covers(wide, canonical(narrow));
  return greedy_match(wide, narrow,
                      [](char w, char n) { return w == n || (w == '?' && n != '*'); });
}

// Row by row: meet[j] is whether the first i of `a` and the first j of `b` can spell the same text.
bool globs_overlap(std::string_view a, std::string_view b) {
  if (!begin_alike(a, b) || !end_alike(a, b)) return false;
  std::vector<char> meet(b.size() + 1, 0);
  std::vector<char> above(b.size() + 1, 0);
  for (std::size_t i = 0; i <= a.size(); ++i) {
    std::swap(meet, above);
    for (std::size_t j = 0; j <= b.size(); ++j) {
      const bool star = (i > 0 && a[i - 1] == '*') || (j > 0 && b[j - 1] == '*');
      if (i == 0 && j == 0) {
        meet[j] = 1;
      } else if (star) {
        meet[j] = static_cast<char>((i > 0 && above[j] != 0) || (j > 0 && meet[j - 1] != 0));
      } else {
        meet[j] =
            static_cast<char>(i > 0 && j > 0 && above[j - 1] != 0 && alike(a[i - 1], b[j - 1]));
      }
    }
  }
  return meet[b.size()] != 0;
}

}  // namespace pulsed::policy
