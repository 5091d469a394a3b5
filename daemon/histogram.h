// A histogram of durations with the one set of buckets that every pulsed histogram has. Not thread-safe: one owner.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pulsed {

// Upper bounds in nanoseconds, 10 us to 10 s; what is longer falls into one more bucket. Ten, because with two histograms a
// class stays within 40 series.
inline constexpr std::array<std::uint64_t, 10> kBucketBoundsNs{
    10'000,    100'000,    500'000,     1'000'000,     2'000'000,
    5'000'000, 20'000'000, 100'000'000, 1'000'000'000, 10'000'000'000};

namespace detail {
// The first bucket that a value with this many significant bits can fall into.
consteval std::array<std::uint8_t, 65> first_buckets() {
  std::array<std::uint8_t, 65> first{};
  for (std::size_t width = 0; width <= 64; ++width) {
    const std::uint64_t smallest = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
    std::uint8_t bucket = 0;
    while (bucket < kBucketBoundsNs.size() && kBucketBoundsNs[bucket] < smallest) ++bucket;
    first[width] = bucket;
  }
  return first;
}
inline constexpr auto kFirstBuckets = first_buckets();

// No power of two holds two bounds, so that one comparison finds the bucket.
consteval bool one_bound_an_octave() {
  for (std::size_t i = 1; i < kBucketBoundsNs.size(); ++i) {
    if (std::bit_width(kBucketBoundsNs[i]) == std::bit_width(kBucketBoundsNs[i - 1])) return false;
  }
  return true;
}
static_assert(one_bound_an_octave());
}  // namespace detail

struct Histogram {
  std::array<std::uint64_t, kBucketBoundsNs.size() + 1> counts{};  // not cumulative
  std::uint64_t sum_ns = 0;

  void observe_ns(std::uint64_t ns) {
    std::size_t bucket = detail::kFirstBuckets[static_cast<std::size_t>(std::bit_width(ns))];
    if (bucket < kBucketBoundsNs.size() && ns > kBucketBoundsNs[bucket]) ++bucket;
    ++counts[bucket];
    sum_ns += ns;
  }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t n = 0;
    for (const std::uint64_t c : counts) n += c;
    return n;
  }
  Histogram& operator+=(const Histogram& other) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_ns += other.sum_ns;
    return *this;
  }
};

}  // namespace pulsed
