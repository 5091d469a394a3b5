#include "daemon/metrics/label.h"

#include <cstddef>
#include <cstdint>

namespace pulsed::metrics {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(char c) { return (static_cast<std::uint8_t>(c) & 0xC0) == 0x80; }

// The length of the well-formed UTF-8 sequence that text begins with, 0 if there is none (Unicode
// 15, table 3-7).
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2   ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<std::uint8_t>(text[1]);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool beyond_unicode = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond_unicode ? 0 : length;
}

bool stays(std::string_view sequence) {
  if (sequence.size() > 1) return sequence != kReplacement;
  const auto c = static_cast<std::uint8_t>(sequence[0]);
  return c == '\n' || (c >= 0x20 && c != 0x7F);
}

void append_replaced(std::string& out, char byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto b = static_cast<std::uint8_t>(byte);
  out += kReplacement;
  out += kHex[b >> 4];
  out += kHex[b & 15];
}

}  // namespace

std::string label_value(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    const std::size_t length = sequence_length(name);
    if (length > 0 && stays(name.substr(0, length))) {
      out += name.substr(0, length);
      name.remove_prefix(length);
    } else {
      append_replaced(out, name[0]);
      name.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace pulsed::metrics
