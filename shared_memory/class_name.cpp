#include "shared_memory/class_name.h"

#include <cstddef>

namespace pulsed::shm {
namespace {

struct Sequence {
  std::size_t bytes;
  std::uint32_t least;  // the least code point that needs so many bytes
  std::uint32_t lead_bits;
};

// What a sequence that begins with this byte must be; no bytes if none begins so.
constexpr Sequence sequence(unsigned char lead) {
  if (lead < 0x80) return {1, 0, lead};
  if ((lead & 0xe0) == 0xc0) return {2, 0x80, lead & 0x1fU};
  if ((lead & 0xf0) == 0xe0) return {3, 0x800, lead & 0x0fU};
  if ((lead & 0xf8) == 0xf0) return {4, 0x10000, lead & 0x07U};
  return {0, 0, 0};
}

constexpr bool printable(std::uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return !control && !surrogate && code <= 0x10ffff;
}

}  // namespace

bool valid_class_name(std::string_view name) {
  if (name.empty() || name.size() > PULSED_CLASS_NAME_MAX) return false;
  while (!name.empty()) {
    const Sequence s = sequence(static_cast<unsigned char>(name[0]));
    if (s.bytes == 0 || s.bytes > name.size()) return false;
    std::uint32_t code = s.lead_bits;
    for (const char c : name.substr(1, s.bytes - 1)) {
      if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) return false;
      code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
    }
    if (code < s.least || !printable(code)) return false;
    name.remove_prefix(s.bytes);
  }
  return true;
}

}  // namespace pulsed::shm
