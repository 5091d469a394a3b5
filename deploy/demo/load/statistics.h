// What is said about a set of durations: exact percentiles over all of them, since a run has some
// ten thousand.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace pulsed::demo::load {

using Duration = std::chrono::nanoseconds;

struct Summary {
  std::size_t count = 0;
  Duration mean{};
  Duration p50{};
  Duration p99{};
  Duration p999{};
  Duration max{};
};

// The nearest-rank percentile: the least sample that at least `quantile` of all samples do not
// exceed. `sorted` ascending and not empty, quantile in (0, 1].
[[nodiscard]] Duration percentile(const std::vector<Duration>& sorted, double quantile);

// All zero for no samples.
[[nodiscard]] Summary summarise(std::vector<Duration> samples);

[[nodiscard]] constexpr double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace pulsed::demo::load
