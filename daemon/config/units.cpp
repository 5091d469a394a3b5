#include "daemon/config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

namespace pulsed::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 6> kTimeUnits{{{"ns", 1},
                                          {"us", 1'000},
                                          {"ms", 1'000'000},
                                          {"s", 1'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"h", 3'600'000'000'000}}};
constexpr std::array<Unit, 5> kSizeUnits{
    {{"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}}};

struct Alias {
  std::string_view written;
  std::string_view meant;
};

// What people write for our units; a decimal kilobyte is refused too, and answered with the binary
// one.
constexpr std::array<Alias, 34> kAliases{{
    {"µs", "us"},   {"usec", "us"},  {"usecs", "us"},  {"micros", "us"}, {"nsec", "ns"},
    {"msec", "ms"}, {"msecs", "ms"}, {"millis", "ms"}, {"MS", "ms"},     {"sec", "s"},
    {"secs", "s"},  {"second", "s"}, {"seconds", "s"}, {"S", "s"},       {"min", "m"},
    {"mins", "m"},  {"minute", "m"}, {"minutes", "m"}, {"hour", "h"},    {"hours", "h"},
    {"H", "h"},     {"hr", "h"},     {"b", "B"},       {"bytes", "B"},   {"K", "KiB"},
    {"k", "KiB"},   {"KB", "KiB"},   {"kB", "KiB"},    {"M", "MiB"},     {"MB", "MiB"},
    {"G", "GiB"},   {"GB", "GiB"},   {"T", "TiB"},     {"TB", "TiB"},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string quoted(std::string_view text) { return "`" + shown(text) + "`"; }

std::string names(std::span<const Unit> units) {
  std::string out;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (i > 0) out += i + 1 == units.size() ? " or " : ", ";
    out += units[i].name;
  }
  return out;
}

// A decimal as an integer and how many of its digits stand behind the point.
struct Decimal {
  std::uint64_t digits = 0;
  int behind_point = 0;
  std::string_view rest;
};

Reading<Decimal> read_decimal(std::string_view text) {
  constexpr std::size_t kMostDigits = 18;  // always fits 64 bits
  Decimal d;
  std::size_t i = 0;
  std::size_t seen = 0;
  bool point = false;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !point && seen > 0) {
      point = true;
      continue;
    }
    if (!is_digit(text[i])) break;
    if (++seen > kMostDigits) return {{}, quoted(text) + " has too many digits"};
    d.digits = d.digits * 10 + static_cast<std::uint64_t>(text[i] - '0');
    if (point) ++d.behind_point;
  }
  if (seen == 0 || (point && d.behind_point == 0)) {
    const std::string why =
        text.starts_with('-') ? " is negative" : " does not begin with a number";
    return {{}, quoted(text) + why};
  }
  d.rest = text.substr(i);
  return {d, {}};
}

std::string unit_fault(std::string_view text, std::string_view unit, std::span<const Unit> units,
                       std::string_view example) {
  const std::string number(text.substr(0, text.size() - unit.size()));
  if (unit.empty()) {
    return quoted(text) + " has no unit; write for example " +
           quoted(number + std::string(example));
  }
  const auto is_unit = [&](std::string_view name) {
    return std::any_of(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  };
  const auto first = unit.find_first_not_of(' ');
  if (first != 0 && first != unit.npos && is_unit(unit.substr(first))) {
    return quoted(text) + " has a space; write " + quoted(number + std::string(unit.substr(first)));
  }
  std::string why = quoted(text) + " has an unknown unit; units are " + names(units);
  const auto alias = std::find_if(kAliases.begin(), kAliases.end(), [&](const Alias& a) {
    return a.written == unit && is_unit(a.meant);
  });
  if (alias != kAliases.end()) {
    why += "; did you mean " + quoted(number + std::string(alias->meant)) + "?";
  }
  return why;
}

Reading<std::uint64_t> read_quantity(std::string_view text, std::span<const Unit> units,
                                     std::string_view example) {
  const auto decimal = read_decimal(text);
  if (!decimal) return {{}, decimal.fault};
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& u) { return u.name == decimal.value->rest; });
  if (unit == units.end()) return {{}, unit_fault(text, decimal.value->rest, units, example)};
  std::uint64_t scaled = 0;
  std::uint64_t digits = decimal.value->digits;
  int behind = decimal.value->behind_point;
  for (; behind > 0 && digits % 10 == 0; --behind) digits /= 10;
  if (__builtin_mul_overflow(digits, unit->factor, &scaled))
    return {{}, quoted(text) + " is too large"};
  for (; behind > 0; --behind) {
    if (scaled % 10 != 0) {
      return {{}, quoted(text) + " is finer than one " + std::string(units.front().name)};
    }
    scaled /= 10;
  }
  return {scaled, {}};
}

std::string quantity_text(std::uint64_t value, std::span<const Unit> units, std::string_view zero) {
  if (value == 0) return std::string(zero);
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

}  // namespace

Reading<Duration> read_duration(std::string_view text) {
  const auto ns = read_quantity(text, kTimeUnits, "ms");
  if (!ns) return {{}, ns.fault};
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (*ns.value > kMost) return {{}, quoted(text) + " is too large"};
  return {Duration{static_cast<std::int64_t>(*ns.value)}, {}};
}

Reading<std::uint64_t> read_size(std::string_view text) {
  return read_quantity(text, kSizeUnits, "KiB");
}

Reading<std::uint64_t> read_count(std::string_view text) {
  if (text.starts_with('-')) return {{}, quoted(text) + " is negative"};
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
  if (!digits) return {{}, quoted(text) + " is not a whole number in decimal digits"};
  if (text.size() > 1 && text.front() == '0') return {{}, quoted(text) + " has a leading zero"};
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{}) return {{}, quoted(text) + " is too large"};
  return {value, {}};
}

Reading<double> read_fraction(std::string_view text) {
  if (text.ends_with('%')) return {{}, quoted(text) + " is a percentage; write for example `0.5`"};
  double value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc{} || read.ptr != end || !std::isfinite(value)) {
    return {{}, quoted(text) + " is not a number such as `0.5`"};
  }
  if (std::signbit(value)) return {{}, quoted(text) + " is negative"};
  return {value, {}};
}

std::string duration_text(Duration d) {
  return quantity_text(static_cast<std::uint64_t>(d.count()), kTimeUnits, "0s");
}

std::string size_text(std::uint64_t bytes) { return quantity_text(bytes, kSizeUnits, "0B"); }

std::string fraction_text(double fraction) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), fraction).ptr;
  return {buffer.data(), end};
}

}  // namespace pulsed::config
