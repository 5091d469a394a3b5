// Light polls at a steady rate, each of which looks whether its thread has the priority that is its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/integration/held/run_loop.h"

namespace pulsed::test {

class LightLoad {
 public:
  // `lock`, if asked for in start(), is taken by every poll.
  LightLoad(RunLoop& loop, std::uint16_t cls, std::mutex& lock);
  ~LightLoad() { stop(); }
  LightLoad(const LightLoad&) = delete;
  LightLoad& operator=(const LightLoad&) = delete;

  void start(unsigned a_second, bool with_lock);
  void stop();  // those that wait in the queue are still polled

  struct Seen {
    std::uint64_t posted;
    std::uint64_t served;
    std::uint64_t lowered;      // polls that found their thread at another priority, in all
    std::vector<long> late_us;  // of those since start(): from the moment each was due to its end
  };
  [[nodiscard]] Seen seen() const;

 private:
  void generate(std::chrono::nanoseconds interval, bool with_lock);
  void poll_once(std::chrono::steady_clock::time_point due, bool with_lock);

  RunLoop& loop_;
  const std::uint16_t cls_;
  std::mutex& lock_;
  mutable std::mutex mutex_;
  Seen seen_{};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace pulsed::test
