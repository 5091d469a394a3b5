// A run loop of the simplest kind, in the words of the C ABI: a queue, threads that serve it, and spare workers.
#pragma once

#include <pulsed/shim.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/os_priority.h"

namespace pulsed::test {

// One poll of a fresh task of that class.
struct Poll {
  std::uint16_t cls = 0;
  std::function<void()> body;
  bool no_spare = false;  // waits for one of the loop's own threads
};

struct RunLoopOptions {
  std::string name;
  unsigned workers = 2;
  bool isolation = false;  // its threads belong to the isolation pool, and it has no spare workers
  std::function<void()> prepare{};  // by each of its own threads, before anything else
};

class RunLoop {
 public:
  // Returns when its threads are workers.
  RunLoop(pulsed_session* session, RunLoopOptions options);
  ~RunLoop();  // every poll must be able to end
  RunLoop(const RunLoop&) = delete;
  RunLoop& operator=(const RunLoop&) = delete;

  void post(Poll poll);
  // Closes the spare workers and touches the session no more, so that it can be closed while a poll is in flight.
  void leave_session();
  [[nodiscard]] std::uint64_t spare_polls() const { return spare_polls_.load(); }
  // Polls that were on a CPU for a millisecond or nearly so by their own clock: see run_time.h.
  [[nodiscard]] std::uint64_t near_budget() const { return near_budget_.load(); }
  // The longest of all polls, or nearly.
  [[nodiscard]] long longest_run_us() const { return longest_run_us_.load(); }

  // What the calling thread had before anything was asked of it; on a spare worker, what the loop's own threads had.
  [[nodiscard]] static OsPriority ordinary_priority();

 private:
  static std::uint32_t turn(void* self, std::uint32_t microseconds);
  void serve(unsigned index);
  [[nodiscard]] std::optional<Poll> next(std::chrono::steady_clock::time_point until, bool spare);
  void run(const Poll& poll);

  pulsed_session* session_;
  const RunLoopOptions options_;
  pulsed_spares* spares_ = nullptr;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Poll> queue_;
  unsigned serving_ = 0;
  OsPriority of_workers_;
  bool quit_ = false;
  std::atomic<bool> left_{false};
  std::atomic<std::uint64_t> spare_polls_{0};
  std::atomic<std::uint64_t> near_budget_{0};
  std::atomic<long> longest_run_us_{0};
  std::vector<std::thread> threads_;
};

}  // namespace pulsed::test
