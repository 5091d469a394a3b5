// Makes what a peer calls itself fit for a line of the log.
#pragma once

#include <algorithm>
#include <string>

namespace pulsed::attach {

// Each control character becomes a question mark.
[[nodiscard]] inline std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace pulsed::attach
