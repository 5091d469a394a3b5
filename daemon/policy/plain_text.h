// Text that can be printed and read again as it was.
#pragma once

#include <cstddef>
#include <string_view>

namespace pulsed::policy {

// Bytes of the UTF-8 character at the front of a text that is not empty, or 0. Overlong forms and
// surrogates are none.
[[nodiscard]] std::size_t character_length(std::string_view text);

[[nodiscard]] bool is_control(char c);

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// UTF-8 without control characters and byte order marks.
[[nodiscard]] bool is_one_plain_line(std::string_view text);

}  // namespace pulsed::policy
