// Something immutable that the control loop builds when a reader wants it, shared with whoever reads.
//
// However many readers there are and however fast they ask, they have no more than a bounded part of the loop's time: after
// each that it builds it rests from building for kRests times as long as that took, up to kMostRest.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace pulsed {

template <typename T>
class Published {
 public:
  using Time = std::chrono::nanoseconds;  // of one monotonic clock
  static constexpr int kRests = 20;
  static constexpr std::chrono::seconds kMostRest{2};  // so that whoever follows still can

  // Waits for the loop to build a new one, at most `patience`, and falls back to the latest; never null. Any thread. The first
  // is built without being asked for.
  [[nodiscard]] std::shared_ptr<const T> fresh(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    const std::uint64_t before = published_;
    wanted_.store(true, std::memory_order_release);  // pairs with wanted()
    changed_.wait_for(lock, patience, [&] { return published_ != before; });
    return latest_ != nullptr ? latest_ : std::make_shared<const T>();
  }

  // The loop: whether a reader waits, and it has rested. It publishes then.
  [[nodiscard]] bool wanted(Time now) const {
    return now >= due_ && wanted_.load(std::memory_order_acquire);
  }
  // What took so long to build, until now. Waits for no reader: what cannot be published at this moment is wanted still.
  void publish(std::shared_ptr<const T> built, Time now, Time took) {
    due_ = now + std::min<Time>(kRests * took, kMostRest);
    {
      const std::unique_lock lock(mutex_, std::try_to_lock);
      if (!lock) return;
      wanted_.store(false, std::memory_order_relaxed);
      latest_.swap(built);
      ++published_;
    }
    changed_.notify_all();
  }
  // For readers until the loop has built the first.
  void begin_with(std::shared_ptr<const T> first) { latest_ = std::move(first); }

 private:
  Time due_{};  // the loop's alone
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const T> latest_;
  std::uint64_t published_ = 0;
  std::atomic<bool> wanted_{true};
};

}  // namespace pulsed
