#include "daemon/histogram.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace pulsed {
namespace {

// What observe_ns does with tables, said plainly.
std::size_t plain_bucket(std::uint64_t ns) {
  std::size_t bucket = 0;
  while (bucket < kBucketBoundsNs.size() && ns > kBucketBoundsNs[bucket]) ++bucket;
  return bucket;
}

std::size_t bucket_of(std::uint64_t ns) {
  Histogram h;
  h.observe_ns(ns);
  REQUIRE(h.count() == 1);
  std::size_t bucket = 0;
  while (h.counts[bucket] == 0) ++bucket;
  return bucket;
}

TEST_CASE("a duration equal to a bound belongs to its bucket and one nanosecond more to the next") {
  for (std::size_t i = 0; i < kBucketBoundsNs.size(); ++i) {
    CAPTURE(kBucketBoundsNs[i]);
    CHECK(bucket_of(kBucketBoundsNs[i] - 1) == i);
    CHECK(bucket_of(kBucketBoundsNs[i]) == i);
    CHECK(bucket_of(kBucketBoundsNs[i] + 1) == i + 1);
  }
}

TEST_CASE("the bucket is right on both sides of every power of two") {
  CHECK(bucket_of(0) == 0);
  CHECK(bucket_of(std::numeric_limits<std::uint64_t>::max()) == kBucketBoundsNs.size());
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    for (const std::uint64_t ns : {power - 1, power, power + 1}) {
      CAPTURE(ns);
      CHECK(bucket_of(ns) == plain_bucket(ns));
    }
  }
}

TEST_CASE("bounds rise strictly") {
  for (std::size_t i = 1; i < kBucketBoundsNs.size(); ++i) {
    CHECK(kBucketBoundsNs[i - 1] < kBucketBoundsNs[i]);
  }
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

}  // namespace
}  // namespace pulsed
