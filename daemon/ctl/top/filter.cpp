#include "daemon/ctl/top/filter.h"

#include <algorithm>
#include <cstddef>

namespace pulsed::ctl::top {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(char a, char b) { return lower(a) == lower(b); }

// Takes time of at most glob times text: at a mismatch only the last star is tried again.
bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_text = t;
    } else if (g < glob.size() && (glob[g] == '?' || same(glob[g], text[t]))) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

}  // namespace

bool passes(std::string_view filter, std::string_view text) {
  if (filter.find_first_of("*?") != std::string_view::npos) return glob_matches(filter, text);
  return std::search(text.begin(), text.end(), filter.begin(), filter.end(), same) != text.end() ||
         filter.empty();
}

bool any_passes(std::string_view filter, std::initializer_list<std::string_view> texts) {
  return filter.empty() || std::any_of(texts.begin(), texts.end(),
                                       [&](std::string_view text) { return passes(filter, text); });
}

}  // namespace pulsed::ctl::top
