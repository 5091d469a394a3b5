// Moments as RFC 3339 writes them, in UTC, to the nanosecond: 2024-05-01T12:00:00.123456789Z.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace pulsed::revisions {

[[nodiscard]] std::string timestamp_text(std::chrono::system_clock::time_point time);
// Only what timestamp_text writes.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> read_timestamp(
    const std::string& text);

}  // namespace pulsed::revisions
