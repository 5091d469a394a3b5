// A histogram of durations: with one set of buckets for all that services do, and one for the control loop's own ticks. Not
// thread-safe: one owner.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace pulsed {

// Upper bounds in nanoseconds, 10 us to 10 s; what is longer falls into one more bucket. Three a decade, so that a quantile
// is off by 2.5 times at the very most.
inline constexpr std::array<std::uint64_t, 19> kDurationBoundsNs{
    10'000,        20'000,        50'000,        100'000,       200'000,
    500'000,       1'000'000,     2'000'000,     5'000'000,     10'000'000,
    20'000'000,    50'000'000,    100'000'000,   200'000'000,   500'000'000,
    1'000'000'000, 2'000'000'000, 5'000'000'000, 10'000'000'000};

// Those of them that Prometheus is shown. Ten, because with two histograms a class stays within 40 series.
inline constexpr std::array<std::uint64_t, 10> kPublishedDurationBoundsNs{
    10'000,    100'000,    500'000,     1'000'000,     2'000'000,
    5'000'000, 20'000'000, 100'000'000, 1'000'000'000, 10'000'000'000};

// Of ticks, all of them shown: there is one histogram of each. With the 10 ms that the loop rests.
inline constexpr std::array<std::uint64_t, 13> kTickBoundsNs{
    10'000,    50'000,     100'000,    250'000,     500'000,       1'000'000,     2'000'000,
    5'000'000, 10'000'000, 20'000'000, 100'000'000, 1'000'000'000, 10'000'000'000};

namespace detail {
// The first bucket that a value with this many significant bits can fall into.
template <std::size_t N>
consteval std::array<std::uint8_t, 65> first_buckets(const std::array<std::uint64_t, N>& bounds) {
  std::array<std::uint8_t, 65> first{};
  for (std::size_t width = 0; width <= 64; ++width) {
    const std::uint64_t smallest = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
    std::uint8_t bucket = 0;
    while (bucket < N && bounds[bucket] < smallest) ++bucket;
    first[width] = bucket;
  }
  return first;
}

// No power of two holds two bounds, so that one comparison finds the bucket.
template <std::size_t N>
consteval bool one_bound_an_octave(const std::array<std::uint64_t, N>& bounds) {
  for (std::size_t i = 1; i < N; ++i) {
    if (std::bit_width(bounds[i]) == std::bit_width(bounds[i - 1])) return false;
  }
  return true;
}
}  // namespace detail

template <const auto& Bounds>
struct HistogramOver {
  static constexpr const auto& kBoundsNs = Bounds;
  static_assert(detail::one_bound_an_octave(Bounds));

  std::array<std::uint64_t, Bounds.size() + 1> counts{};  // not cumulative
  std::uint64_t sum_ns = 0;

  void observe_ns(std::uint64_t ns) {
    static constexpr auto kFirstBuckets = detail::first_buckets(Bounds);
    std::size_t bucket = kFirstBuckets[static_cast<std::size_t>(std::bit_width(ns))];
    if (bucket < Bounds.size() && ns > Bounds[bucket]) ++bucket;
    ++counts[bucket];
    sum_ns += ns;
  }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t n = 0;
    for (const std::uint64_t c : counts) n += c;
    return n;
  }
  HistogramOver& operator+=(const HistogramOver& other) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_ns += other.sum_ns;
    return *this;
  }
};

using Histogram = HistogramOver<kDurationBoundsNs>;
using TickHistogram = HistogramOver<kTickBoundsNs>;

// The duration below which the share q (0 to 1) of them lie, by linear interpolation within a bucket, the first of which
// begins at 0, as Prometheus' histogram_quantile() has it; what is over the highest bound counts as that bound. 0: of none.
template <const auto& Bounds>
[[nodiscard]] std::uint64_t quantile_ns(const HistogramOver<Bounds>& histogram, double q) {
  const std::uint64_t count = histogram.count();
  if (count == 0) return 0;
  const double rank = q * static_cast<double>(count);
  double below = 0;
  for (std::size_t i = 0; i < Bounds.size(); ++i) {
    const auto here = static_cast<double>(histogram.counts[i]);
    if (below + here >= rank && here > 0) {
      const double least = i == 0 ? 0 : static_cast<double>(Bounds[i - 1]);
      const double most = static_cast<double>(Bounds[i]);
      return static_cast<std::uint64_t>(
          std::llround(least + (most - least) * (rank - below) / here));
    }
    below += here;
  }
  return Bounds.back();  // at least: what is longer has no bound
}

}  // namespace pulsed
