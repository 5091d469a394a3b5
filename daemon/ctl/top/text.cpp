#include "daemon/ctl/top/text.h"

#include <langinfo.h>
#include <wchar.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "daemon/ctl/output/printable.h"

namespace pulsed::ctl::top {
namespace {

struct Shown {
  std::string_view bytes;
  std::size_t width = 1;
};

// Takes the next character off `text`, which is not empty; what is not plain, or has no width here, is a question mark.
Shown next(std::string_view& text) {
  const Character each = take_character(text);
  const bool can_be_shown = each.bytes.size() == 1 || shows_utf8();
  const int width = each.plain && can_be_shown ? ::wcwidth(static_cast<wchar_t>(each.code)) : -1;
  if (width < 0) return {"?", 1};
  return {each.bytes, static_cast<std::size_t>(width)};
}

std::string_view ellipsis() { return shows_utf8() ? "…" : "~"; }

// The characters that fit into `width`; adds up their columns.
std::string head(std::string_view text, std::size_t width, std::size_t& used) {
  std::string out;
  for (used = 0; !text.empty();) {
    const Shown each = next(text);
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
