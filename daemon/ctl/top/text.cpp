#include "daemon/ctl/top/text.h"

#include <langinfo.h>
#include <wchar.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace pulsed::ctl::top {
namespace {

struct Character {
  std::string_view bytes;
  std::size_t width = 1;
};

// Length of the sequence that begins with this byte; 0 if none does.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if ((lead & 0xe0) == 0xc0) return 2;
  if ((lead & 0xf0) == 0xe0) return 3;
  if ((lead & 0xf8) == 0xf0) return 4;
  return 0;
}

// Zero for what is not well-formed.
wchar_t code_point(std::string_view bytes) {
  if (bytes.size() == 1) return static_cast<unsigned char>(bytes[0]);
  auto code =
      static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[0]) & (0x7f >> bytes.size()));
  for (const char byte : bytes.substr(1)) {
    if ((static_cast<unsigned char>(byte) & 0xc0) != 0x80) return 0;
    code = code << 6 | (static_cast<unsigned char>(byte) & 0x3f);
  }
  return static_cast<wchar_t>(code);
}

// Takes up nothing and turns the direction of what follows, or joins it to its neighbours.
bool invisible(wchar_t code) {
  return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

constexpr Character kNotShown{"?", 1};

// Takes the next character off `text`, which is not empty.
Character next(std::string_view& text) {
  const std::size_t length = sequence_length(static_cast<unsigned char>(text[0]));
  if (length == 0 || length > text.size()) {
    text.remove_prefix(1);
    return kNotShown;
  }
  const std::string_view bytes = text.substr(0, length);
  const wchar_t code = code_point(bytes);
  if (length > 1 && code == 0) {
    text.remove_prefix(1);
    return kNotShown;
  }
  text.remove_prefix(length);
  const int width = length > 1 && !shows_utf8() ? -1 : ::wcwidth(code);
  if (code == 0 || width < 0 || invisible(code)) return kNotShown;
  return {bytes, static_cast<std::size_t>(width)};
}

std::string_view ellipsis() { return shows_utf8() ? "…" : "~"; }

// The characters that fit into `width`; adds up their columns.
std::string head(std::string_view text, std::size_t width, std::size_t& used) {
  std::string out;
  for (used = 0; !text.empty();) {
    const Character each = next(text);
    if (used + each.width > width) break;
    out += each.bytes;
    used += each.width;
  }
  return out;
}

std::string print(const char* format, double value) {
  std::array<char, 32> out{};
  const int length = std::snprintf(out.data(), out.size(), format, value);
  return {out.data(), static_cast<std::size_t>(length)};
}

// Two digits that count, so that a column does not flicker in its last one.
std::string short_number(double value) {
  if (value >= 9.95) return print("%.0f", value);
  return print("%.1f", value);
}

}  // namespace

bool shows_utf8() { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) sum += next(text).width;
  return sum;
}

std::string cut(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  if (columns(text) <= width) return head(text, width, used);
  if (width == 0) return {};
  return head(text, width - 1, used) + std::string(ellipsis());
}

std::string end_of(std::string_view text, std::size_t width) {
  if (columns(text) <= width || width == 0) return cut(text, width);
  while (columns(text) > width - 1) next(text);
  return std::string(ellipsis()) + cut(text, width - 1);
}

std::string fitted(std::string_view text, std::size_t width, Side side) {
  std::string out = cut(text, width);
  const std::string padding(width - columns(out), ' ');
  return side == Side::kLeft ? out + padding : padding + out;
}

std::string number_text(double value) {
  if (value == 0) return "0";
  if (value < 0.01) return "<0.01";
  if (value < 0.995) return print("%.2f", value);
  constexpr std::array<const char*, 6> kUnits{"", "k", "M", "G", "T", "P"};
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0 && value == std::floor(value)) return print("%.0f", value);
  return short_number(value) + kUnits[unit];
}

std::string rate_text(std::optional<double> value) { return value ? number_text(*value) : "-"; }

std::string percent_text(std::optional<double> value) {
  if (!value) return "-";
  const double percent = *value * 100;
  if (percent >= 9999.5) return number_text(percent);
  return print(percent < 99.95 ? "%.1f" : "%.0f", percent);
}

std::string duration_text(Duration duration) {
  struct Unit {
    double seconds;
    double below;  // of itself: from here on the next one is used
    const char* name;
  };
  constexpr std::array<Unit, 7> kUnits{{{1e-9, 999.5, "ns"},
                                        {1e-6, 999.5, "us"},
                                        {1e-3, 999.5, "ms"},
                                        {1, 99.5, "s"},
                                        {60, 99.5, "m"},
                                        {3600, 47.5, "h"},
                                        {86400, 1e5, "d"}}};
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds <= 0) return "-";
  for (const Unit& unit : kUnits) {
    const double value = seconds / unit.seconds;
    if (value >= unit.below) continue;
    return (unit.seconds == 1e-9 ? print("%.0f", value) : short_number(value)) + unit.name;
  }
  return ">99kd";
}

}  // namespace pulsed::ctl::top
