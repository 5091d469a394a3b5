#include "daemon/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace pulsed {
namespace {

// What observe_ns does with tables, said plainly.
template <typename H>
std::size_t plain_bucket(std::uint64_t ns) {
  std::size_t bucket = 0;
  while (bucket < H::kBoundsNs.size() && ns > H::kBoundsNs[bucket]) ++bucket;
  return bucket;
}

template <typename H>
std::size_t bucket_of(std::uint64_t ns) {
  H h;
  h.observe_ns(ns);
  REQUIRE(h.count() == 1);
  std::size_t bucket = 0;
  while (h.counts[bucket] == 0) ++bucket;
  return bucket;
}

TEST_CASE_TEMPLATE(
    "a duration equal to a bound belongs to its bucket and one nanosecond more to the next", H,
    Histogram, TickHistogram) {
  for (std::size_t i = 0; i < H::kBoundsNs.size(); ++i) {
    CAPTURE(H::kBoundsNs[i]);
    CHECK(bucket_of<H>(H::kBoundsNs[i] - 1) == i);
    CHECK(bucket_of<H>(H::kBoundsNs[i]) == i);
    CHECK(bucket_of<H>(H::kBoundsNs[i] + 1) == i + 1);
  }
}

TEST_CASE_TEMPLATE("the bucket is right on both sides of every power of two", H, Histogram,
                   TickHistogram) {
  CHECK(bucket_of<H>(0) == 0);
  CHECK(bucket_of<H>(std::numeric_limits<std::uint64_t>::max()) == H::kBoundsNs.size());
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    for (const std::uint64_t ns : {power - 1, power, power + 1}) {
      CAPTURE(ns);
      CHECK(bucket_of<H>(ns) == plain_bucket<H>(ns));
    }
  }
}

TEST_CASE_TEMPLATE("bounds rise strictly, from 10 us to 10 s", H, Histogram, TickHistogram) {
  CHECK(H::kBoundsNs.front() == 10'000);
  CHECK(H::kBoundsNs.back() == 10'000'000'000);
  for (std::size_t i = 1; i < H::kBoundsNs.size(); ++i) {
    CHECK(H::kBoundsNs[i - 1] < H::kBoundsNs[i]);
  }
}

TEST_CASE("ticks have a bound at the 10 ms that the loop rests") {
  CHECK(std::ranges::find(kTickBoundsNs, 10'000'000U) != kTickBoundsNs.end());
}

TEST_CASE("an empty histogram counts nothing and sums to nothing") {
  const Histogram h;
  CHECK(h.count() == 0);
  CHECK(h.sum_ns == 0);
}

TEST_CASE("count and sum follow what was observed") {
  Histogram h;
  std::uint64_t sum = 0;
  for (std::uint64_t ns = 1; ns < 50'000'000'000; ns *= 3) {
    h.observe_ns(ns);
    sum += ns;
  }
  CHECK(h.count() == 23);
  CHECK(h.sum_ns == sum);
}

TEST_CASE("the sum of two histograms holds what both observed") {
  const std::vector<std::uint64_t> left{0, 10'000, 3'000'000};
  const std::vector<std::uint64_t> right{10'001, 3'000'000, 11'000'000'000};
  Histogram a;
  Histogram b;
  Histogram both;
  for (const std::uint64_t ns : left) {
    a.observe_ns(ns);
    both.observe_ns(ns);
  }
  for (const std::uint64_t ns : right) {
    b.observe_ns(ns);
    both.observe_ns(ns);
  }
  a += b;
  CHECK(a.counts == both.counts);
  CHECK(a.sum_ns == both.sum_ns);
}

TEST_CASE("a quantile lies within the bucket that holds it") {
  Histogram h;
  CHECK(quantile_ns(h, 0.5) == 0);
  for (int i = 0; i < 100; ++i) h.observe_ns(30'000);  // 20 us to 50 us
  CHECK(quantile_ns(h, 0.5) == 35'000);
  CHECK(quantile_ns(h, 0.99) > 49'000);
  CHECK(quantile_ns(h, 1.0) == 50'000);
  for (int i = 0; i < 100; ++i) h.observe_ns(3'000'000);  // 2 ms to 5 ms
  CHECK(quantile_ns(h, 0.5) == 50'000);
  CHECK(quantile_ns(h, 0.75) == 3'500'000);
}

TEST_CASE("a quantile of equal durations is never off by more than 2.5 times") {
  for (std::uint64_t ns = 10'000; ns <= 10'000'000'000; ns += 1 + ns / 7) {
    CAPTURE(ns);
    Histogram h;
    for (int i = 0; i < 100; ++i) h.observe_ns(ns);
    for (const double q : {0.01, 0.5, 0.99}) {
      const auto ratio = static_cast<double>(quantile_ns(h, q)) / static_cast<double>(ns);
      if (ns > kDurationBoundsNs.front()) CHECK(ratio >= 1 / 2.5);
      CHECK(ratio <= 2.5);
    }
  }
}

TEST_CASE("what is longer than every bound is at least the last") {
  Histogram h;
  h.observe_ns(60'000'000'000);
  CHECK(quantile_ns(h, 0.99) == kDurationBoundsNs.back());
}

}  // namespace
}  // namespace pulsed
