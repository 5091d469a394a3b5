#include "daemon/config/suggestion.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

namespace pulsed::config {
namespace {

constexpr std::size_t kLongestWord = 40;

char folded(char c) {
  if (c == '-') return '_';
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Optimal string alignment (Damerau–Levenshtein with each part edited once), three rows at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kLongestWord + 1>;
  Row before{};
  Row above{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = folded(a[i - 1]);
      const char y = folded(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && x == folded(b[j - 2]) && folded(a[i - 2]) == y && x != y;
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::optional<std::string_view> best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view name : known) {
    if (name.size() > kLongestWord) continue;
    const std::size_t distance = edit_distance(word, name);
    if (distance >= least || distance >= name.size()) continue;
    least = distance;
    best = name;
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const auto name = nearest(word, known);
  return name ? "; did you mean `" + std::string(*name) + "`?" : std::string();
}

std::string one_of(std::span<const std::string_view> known) {
  std::string out;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) out += i + 1 == known.size() ? " or " : ", ";
    out += known[i];
  }
  return out;
}

}  // namespace pulsed::config
