// What the polls of one pool thread use: its CPU time, which neither other threads nor waiting
// stretch; or time on the clock, where the system does not tell CPU time.
//
// One reading a poll, at its end: what lies between two polls, such as to wake up for the next, counts
// for the later one. A reading costs about 0.4 us.
#pragma once

#include <chrono>
#include <ctime>

namespace pulsed::asio::detail {

// Made and called by that thread alone.
class PollCost {
 public:
  // Since the last call.
  [[nodiscard]] std::chrono::nanoseconds next() noexcept {
    const auto before = latest_;
    latest_ = now();
    return latest_ - before;
  }
  // The thread has waited for the poll that now begins.
  void waited() noexcept {
    if (clock_ != CLOCK_THREAD_CPUTIME_ID) latest_ = now();
  }

 private:
  static clockid_t best_clock() noexcept {
    timespec t{};
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0 ? CLOCK_THREAD_CPUTIME_ID
                                                           : CLOCK_MONOTONIC;
  }
  [[nodiscard]] std::chrono::nanoseconds now() const noexcept {
    timespec t{};
    clock_gettime(clock_, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  }

  const clockid_t clock_ = best_clock();
  std::chrono::nanoseconds latest_ = now();
};

}  // namespace pulsed::asio::detail
