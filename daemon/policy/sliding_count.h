// How many events a sliding window holds, counted in 16 sub-buckets: no list of times, so bounded
// by its size alone.
//
// A window covers the running sub-bucket and the 15 before it. So an event counts for more than
// 15/16 of the window, and never for longer than the window. All windows of the policy core are cut
// this way.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "daemon/policy/types.h"

namespace pulsed::policy {

inline constexpr std::uint32_t kSubBuckets = 16;

[[nodiscard]] constexpr Duration sub_bucket_width(Duration window) {
  return std::max(window / kSubBuckets, Duration{1});
}

// `now` must not run backwards between calls. If `window` changes, so do the numbers of the
// sub-buckets, and what was counted goes as if it were old.
template <typename Count>
class SlidingCount {
 public:
  void add(Time now, Duration window) {
    advance(now, window);
    Count& count = counts_[latest_ % kSubBuckets];
    if (count == std::numeric_limits<Count>::max()) return;
    ++count;
    ++sum_;
  }

  [[nodiscard]] std::uint32_t sum(Time now, Duration window) {
    advance(now, window);
    return sum_;
  }

  void clear() {
    counts_.fill(0);
    sum_ = 0;
  }

 private:
  void advance(Time now, Duration window) {
    const auto bucket = static_cast<std::uint32_t>(now / sub_bucket_width(window));
    const std::uint32_t steps = bucket - latest_;
    if (steps >= kSubBuckets) {
      clear();
    } else {
      for (std::uint32_t b = latest_ + 1; b != bucket + 1; ++b) {
        sum_ -= counts_[b % kSubBuckets];
        counts_[b % kSubBuckets] = 0;
      }
    }
    latest_ = bucket;
  }

  std::array<Count, kSubBuckets> counts_{};
  std::uint32_t latest_ = 0;
  std::uint32_t sum_ = 0;
};

}  // namespace pulsed::policy
