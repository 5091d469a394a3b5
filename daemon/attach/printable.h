// Makes what a peer calls itself fit for a line of the log, and for a message of the API.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/policy/plain_text.h"

namespace pulsed::attach {

// Each byte of a control character, and each that is not UTF-8, becomes a question mark.
[[nodiscard]] inline std::string printable(std::string text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    const std::size_t length = policy::character_length(rest);
    // U+0080 to U+009F: terminals obey them, too.
    const bool c1_control =
        length == 2 && rest[0] == '\xC2' && static_cast<unsigned char>(rest[1]) < 0xA0;
    const std::size_t bytes = std::max(length, std::size_t{1});
    if (length == 0 || c1_control || policy::is_control(rest[0]))
      text.replace(at, bytes, bytes, '?');
    at += bytes;
  }
  return text;
}

}  // namespace pulsed::attach
