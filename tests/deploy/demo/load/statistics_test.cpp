#include "deploy/demo/load/statistics.h"

#include <doctest/doctest.h>

#include <vector>

namespace pulsed::demo::load {
namespace {

using std::chrono::nanoseconds;

std::vector<Duration> one_to(int count) {
  std::vector<Duration> samples;
  for (int i = count; i >= 1; --i) samples.emplace_back(i);  // descending: summarise() must sort
  return samples;
}

TEST_CASE("a percentile is the least sample that so many do not exceed") {
  const std::vector<Duration> ten{nanoseconds(1), nanoseconds(2), nanoseconds(3), nanoseconds(4),
                                  nanoseconds(5), nanoseconds(6), nanoseconds(7), nanoseconds(8),
                                  nanoseconds(9), nanoseconds(10)};
  CHECK(percentile(ten, 0.5).count() == 5);
  CHECK(percentile(ten, 0.51).count() == 6);
  CHECK(percentile(ten, 0.9).count() == 9);
  CHECK(percentile(ten, 0.99).count() == 10);
  CHECK(percentile(ten, 1.0).count() == 10);
  CHECK(percentile(ten, 1e-9).count() == 1);
}

TEST_CASE("rounding in binary does not move a percentile to the next sample") {
  for (const int count : {100, 1000, 5000, 10000, 100000}) {
    CAPTURE(count);
    const Summary summary = summarise(one_to(count));
    CHECK(summary.p99.count() == count * 99 / 100);
    if (count >= 1000) CHECK(summary.p999.count() == count / 1000 * 999);
  }
}

TEST_CASE("a summary has the exact extremes, the count and the mean") {
  const Summary summary = summarise(one_to(101));
  CHECK(summary.count == 101);
  CHECK(summary.mean.count() == 51);
  CHECK(summary.p50.count() == 51);
  CHECK(summary.max.count() == 101);
}

TEST_CASE("one sample is every percentile, and none are zero") {
  const Summary one = summarise({nanoseconds(7)});
  CHECK(one.p50.count() == 7);
  CHECK(one.p999.count() == 7);
  const Summary none = summarise({});
  CHECK(none.count == 0);
  CHECK(none.max.count() == 0);
}

TEST_CASE("milliseconds keep the nanoseconds") {
  CHECK(milliseconds(nanoseconds(1'234'567)) == doctest::Approx(1.234567));
}

}  // namespace
}  // namespace pulsed::demo::load
