#include "daemon/collect/class_name.h"

#include <algorithm>
#include <cstring>

namespace pulsed::collect {
namespace {

// How many bytes the UTF-8 sequence that begins here has, or 0 if it is not well formed (RFC 3629).
std::size_t sequence_length(const unsigned char* p, std::size_t left) {
  const auto continues = [&](std::size_t n) {
    return left > n && std::all_of(p + 1, p + 1 + n, [](unsigned char c) { return (c & 0xc0) == 0x80; });
  };
  if (p[0] < 0x80) return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
  if (p[0] >= 0xc2 && p[0] <= 0xdf) return continues(1) && (p[0] != 0xc2 || p[1] >= 0xa0) ? 2 : 0;
  if (p[0] >= 0xe0 && p[0] <= 0xef) {
    const bool overlong = p[0] == 0xe0 && left > 1 && p[1] < 0xa0;
    const bool surrogate = p[0] == 0xed && left > 1 && p[1] >= 0xa0;
    return continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (p[0] >= 0xf0 && p[0] <= 0xf4) {
    const bool overlong = p[0] == 0xf0 && left > 1 && p[1] < 0x90;
    const bool beyond = p[0] == 0xf4 && left > 1 && p[1] >= 0x90;
    return continues(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool printable_utf8(const std::string& text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = sequence_length(p + i, text.size() - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

}  // namespace

bool read_class(const pulsed_class_record& shared, std::string& name, policy::Priority& priority) {
  pulsed_class_record record{};  // once, so that what is checked is what is used
  std::memcpy(&record, const_cast<const pulsed_class_record*>(&shared), sizeof(record));
  if (record.name_length == 0 || record.name_length > PULSED_CLASS_NAME_MAX ||
      record.priority >= PULSED_PRIORITY_COUNT) {
    return false;
  }
  std::string copy(record.name, record.name_length);
  if (!printable_utf8(copy)) return false;
  name = std::move(copy);
  priority = static_cast<policy::Priority>(record.priority);
  return true;
}

}  // namespace pulsed::collect
