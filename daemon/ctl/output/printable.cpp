#include "daemon/ctl/output/printable.h"

#include <array>
#include <cstdio>

#include "daemon/policy/plain_text.h"

namespace pulsed::ctl {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array kNotPlain{
    Range{0, 0x1f},           // control characters
    Range{0x7f, 0x9f},        // control characters, which some terminals obey also in UTF-8
    Range{0x61c, 0x61c},      // a mark of direction
    Range{0x180e, 0x180e},    // a separator without width
    Range{0x200b, 0x200f},    // without width: joins, separates, turns the direction
    Range{0x2028, 0x202e},    // ends of lines, and overrides of the direction
    Range{0x2060, 0x206f},    // without width; isolates of direction
    Range{0xfeff, 0xfeff},    // the byte order mark
    Range{0xfff0, 0xfffb},    // annotations, and what is not assigned beside them
    Range{0xfffe, 0xffff},    // no characters, in YAML neither
    Range{0xe0000, 0xe0fff},  // tags, which are not seen
};

bool is_plain(char32_t code) {
  for (const Range& range : kNotPlain) {
    if (code >= range.first && code <= range.last) return false;
  }
  return true;
}

// Of well-formed UTF-8.
char32_t code_point(std::string_view bytes) {
  if (bytes.size() == 1) return static_cast<unsigned char>(bytes[0]);
  char32_t code = static_cast<unsigned char>(bytes[0]) & (0x7fU >> bytes.size());
  for (const char byte : bytes.substr(1)) {
    code = code << 6 | (static_cast<unsigned char>(byte) & 0x3fU);
  }
  return code;
}

void append_escape(std::string& out, char32_t code) {
  const auto append = [&out](unsigned unit) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "\\u%04x", unit);
    out += text.data();
  };
  if (code < 0x10000) return append(code);
  append(0xd800 + ((code - 0x10000) >> 10));
  append(0xdc00 + ((code - 0x10000) & 0x3ff));
}

}  // namespace

Character take_character(std::string_view& text) {
  const std::size_t length = policy::character_length(text);
  Character taken{text.substr(0, length == 0 ? 1 : length)};
  text.remove_prefix(taken.bytes.size());
  if (length > 0) taken.code = code_point(taken.bytes);
  taken.plain = length > 0 && is_plain(taken.code);
  return taken;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character each = take_character(text);
    out += each.plain ? each.bytes : "?";
  }
  return out;
}

std::string printable_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character each = take_character(text);
    out += each.plain || each.bytes == "\n" ? each.bytes : "?";
  }
  return out;
}

std::string escaped_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const Character each = take_character(json);
    if (each.plain || each.code < 0x20) {
      out += each.bytes;
    } else {
      append_escape(out, each.code);
    }
  }
  return out;
}

}  // namespace pulsed::ctl
