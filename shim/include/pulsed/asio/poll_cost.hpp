// What the polls of one pool thread cost: the time for which they hold it, whether they compute or block.
// That is what the pool has little of: were CPU time shared instead, a class whose polls sleep would hold
// all threads for next to nothing, and those that compute would hardly come to their turns.
//
// One reading a poll, at its end: what lies between two polls, such as to wake up for the next, counts
// for the later one.
#pragma once

#include <chrono>

namespace pulsed::asio::detail {

// Made and called by that thread alone.
class PollCost {
 public:
  // Since the last call.
  [[nodiscard]] std::chrono::nanoseconds next() noexcept {
    const auto before = latest_;
    latest_ = Clock::now();
    return latest_ - before;
  }
  // The thread has waited for the poll that now begins.
  void waited() noexcept { latest_ = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point latest_ = Clock::now();
};

}  // namespace pulsed::asio::detail
