#include "daemon/policy/offense_window.h"

#include <algorithm>
#include <limits>

namespace pulsed::policy {
namespace {

void count(std::uint16_t& bucket, std::uint32_t& sum) {
  if (bucket == std::numeric_limits<std::uint16_t>::max()) return;
  ++bucket;
  ++sum;
}

// Rotates so that what stood at `from` stands at `to`.
template <typename Array>
void shift(Array& buckets, std::uint32_t from, std::uint32_t to) {
  const std::uint32_t left = (from - to) % kSubBuckets;
  std::rotate(buckets.begin(), buckets.begin() + left, buckets.end());
}

}  // namespace

void OffenseWindow::open(std::uint32_t stamp) {
  *this = OffenseWindow{};
  latest_ = stamp;
  newest_ = stamp - kSubBuckets;
}

void OffenseWindow::advance(std::uint32_t stamp) {
  if (stamp - latest_ >= kSubBuckets) {
    start_anew();
    burned_.fill(Duration{});
  } else {
    for (std::uint32_t s = latest_ + 1; s != stamp + 1; ++s) {
      const std::uint32_t b = s % kSubBuckets;
      violations_ -= violation_counts_[b];
      slow_polls_ -= slow_counts_[b];
      excess_ -= excess_by_bucket_[b];
      violation_counts_[b] = 0;
      slow_counts_[b] = 0;
      excess_by_bucket_[b] = Duration{};
      burned_[b] = Duration{};
    }
  }
  latest_ = stamp;
}

void OffenseWindow::add(const Offense& offense, std::uint32_t stamp) {
  advance(stamp);
  const std::uint32_t b = stamp % kSubBuckets;
  if (offense.violation) count(violation_counts_[b], violations_);
  if (offense.slow) count(slow_counts_[b], slow_polls_);
  excess_by_bucket_[b] += offense.excess;
  excess_ += offense.excess;
  burned_[b] += offense.excess;
  newest_ = stamp;
}

void OffenseWindow::start_anew() {
  forgive();
  excess_by_bucket_.fill(Duration{});
  excess_ = Duration{};
}

void OffenseWindow::forgive() {
  violation_counts_.fill(0);
  slow_counts_.fill(0);
  violations_ = 0;
  slow_polls_ = 0;
}

void OffenseWindow::move(std::uint32_t from, std::uint32_t to) {
  advance(from);
  shift(violation_counts_, from, to);
  shift(slow_counts_, from, to);
  shift(excess_by_bucket_, from, to);
  burned_.fill(Duration{});
  violator_stamp = 0;
  newest_ += to - from;
  latest_ = to;
}

}  // namespace pulsed::policy
