// Numbers as people write them: `500us`, `1.5s`, `64KiB`, `4096`, `0.5`. Each is read exactly or
// refused, and printed so that reading it back gives the same value.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/config/config_error.h"

namespace pulsed::config {

using Duration = std::chrono::nanoseconds;

// Digits, at most one point, and one of ns, us, ms, s, m, h, without a space. A whole number of
// nanoseconds, at least 0.
[[nodiscard]] Reading<Duration> read_duration(std::string_view text);
// The same with B, KiB, MiB, GiB, TiB. A whole number of bytes.
[[nodiscard]] Reading<std::uint64_t> read_size(std::string_view text);
// Decimal digits alone; no sign, no leading zero.
[[nodiscard]] Reading<std::uint64_t> read_count(std::string_view text);
// A decimal fraction of one, such as 0.5; at least 0.
[[nodiscard]] Reading<double> read_fraction(std::string_view text);

// In the largest unit that leaves a whole number.
[[nodiscard]] std::string duration_text(Duration d);
[[nodiscard]] std::string size_text(std::uint64_t bytes);
// The shortest decimal that reads back as the same double.
[[nodiscard]] std::string fraction_text(double fraction);

}  // namespace pulsed::config
