// What a poll uses of the pool's thread that runs it: CPU time, which neither other threads nor
// waiting stretch; or time on the clock, where the system does not tell CPU time.
#pragma once

#include <chrono>
#include <ctime>

namespace pulsed::asio::detail {

// From where it is made, on the same thread.
class PollCost {
 public:
  [[nodiscard]] std::chrono::nanoseconds so_far() const noexcept { return now() - begin_; }

 private:
  static clockid_t best_clock() noexcept {
    timespec t{};
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0 ? CLOCK_THREAD_CPUTIME_ID
                                                           : CLOCK_MONOTONIC;
  }
  static std::chrono::nanoseconds now() noexcept {
    static const clockid_t clock = best_clock();
    timespec t{};
    clock_gettime(clock, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  }

  const std::chrono::nanoseconds begin_ = now();
};

}  // namespace pulsed::asio::detail
