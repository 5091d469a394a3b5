#include "daemon/policy/glob.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace pulsed::policy {
namespace {

// The usual greedy match: on a mismatch only the last `*` can take one more symbol. Of a symbol of the
// pattern other than `*`, `takes` says what it takes and `passes` what it lets go by before it does.
template <typename Takes, typename Passes>
bool greedy_match(std::string_view pattern, std::string_view text, Takes takes, Passes passes) {
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
    } else if (p < pattern.size() && passes(pattern[p], text[t])) {
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

// A `?` beside a `*`: the two take one byte or more, in whichever order. No name has this byte.
constexpr char kOneOfMore = '\0';

bool wild(char c) { return c == '*' || c == '?'; }

// The same texts, each run of wildcards as `?`s, or as kOneOfMore for each and then one `*`.
std::string canonical(std::string_view glob) {
  std::string out;
  while (!glob.empty()) {
    const std::size_t begin =
        static_cast<std::size_t>(std::find_if(glob.begin(), glob.end(), wild) - glob.begin());
    out += glob.substr(0, begin);
    glob.remove_prefix(begin);
    const std::size_t length =
        static_cast<std::size_t>(std::find_if_not(glob.begin(), glob.end(), wild) - glob.begin());
    const std::string_view run = glob.substr(0, length);
    const bool star = run.find('*') != run.npos;
    out.append(static_cast<std::size_t>(std::count(run.begin(), run.end(), '?')),
               star ? kOneOfMore : '?');
    if (star) out += '*';
    glob.remove_prefix(length);
  }
  return out;
}

bool is_canonical(std::string_view glob) {
  return glob.find('?') == glob.npos || glob.find('*') == glob.npos;
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

bool covers_canonically(std::string_view wide, std::string_view narrow) {
  return greedy_match(
      wide, narrow,
      [](char w, char n) { return w == n || ((w == '?' || w == kOneOfMore) && n != '*'); },
      [](char w, char n) { return w == kOneOfMore && n == '*'; });
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
  return greedy_match(
      pattern, text, [](char p, char t) { return p == '?' || p == t; },
      [](char, char) { return false; });
}

// The wildcards of `narrow` are symbols that only wildcards take: a name could have anything there. Its `*`
// could be nothing too, so it counts for no `?`.
bool glob_covers(std::string_view wide, std::string_view narrow) {
  const bool ends_differ =
      !wide.empty() && !narrow.empty() && !wild(wide.back()) && wide.back() != narrow.back();
  if (ends_differ) return false;
  return covers_canonically(is_canonical(wide) ? wide : std::string_view(canonical(wide)), narrow);
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
