// When the recorder looks, and what time it is then. Tests beat themselves.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace pulsed::history {

class Beat {
 public:
  virtual ~Beat() = default;
  // Waits for the next one. False: there is none any more. The recorder alone.
  [[nodiscard]] virtual bool wait() = 0;
  // None any more: wait() returns at once. Any thread.
  virtual void end() = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point now() const = 0;
};

// Twice a second. What is missed is not caught up.
class SteadyBeat final : public Beat {
 public:
  static constexpr std::chrono::milliseconds kInterval{500};

  bool wait() override {
    std::unique_lock lock(mutex_);
    due_ = std::max(due_ + kInterval, Clock::now());
    return !ended_.wait_until(lock, due_, [this] { return over_; });
  }
  void end() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
  }
  std::chrono::system_clock::time_point now() const override {
    return std::chrono::system_clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  Clock::time_point due_ = Clock::now() - kInterval;  // the first is at once
};

}  // namespace pulsed::history
