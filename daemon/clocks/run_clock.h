// How long a thread of another process has run on a CPU, exact while it runs.
//
// A PERF_COUNT_SW_TASK_CLOCK event counts it and costs 0.4 us to read, or some us while the thread runs, as the kernel then
// asks its CPU. The first such event on a machine takes the kernel 6 to 16 ms to open, so a PerfEvents object keeps one of the
// daemon's own open; further ones take tens of microseconds.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "shared_memory/segment.h"

namespace pulsed::clocks {

// What of a count of CPU time is proven. A virtual machine's CPU may be one that the host runs something else on: the event
// goes on counting, and the CPU answers once it is back. How long it had been away then is not known, so a reading that had to
// wait proves nothing of what was counted since the one before.
class ProvenTime {
 public:
  // A CPU that runs answers within some us; interrupt handlers take tens.
  static constexpr std::chrono::nanoseconds kPromptly = std::chrono::microseconds{100};

  // The event stands at `counted`, which never falls, and took `waited` to read. Returns the time proven: it never falls.
  std::chrono::nanoseconds take(std::chrono::nanoseconds counted, std::chrono::nanoseconds waited) {
    if (waited > kPromptly) doubtful_ += counted - counted_;
    counted_ = counted;
    return counted_ - doubtful_;
  }
  [[nodiscard]] std::chrono::nanoseconds doubtful() const { return doubtful_; }

 private:
  std::chrono::nanoseconds counted_{};
  std::chrono::nanoseconds doubtful_{};  // of that
};

class RunClock {
 public:
  RunClock() = default;
  // Counts from now on. Not valid if the thread has gone, without the right to watch it, or if descriptors
  // run short.
  explicit RunClock(pid_t tid);
  [[nodiscard]] bool valid() const { return fd_.valid(); }
  // What is proven of it.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> read();
  // What was counted and is not proven.
  [[nodiscard]] std::chrono::nanoseconds doubtful() const { return proven_.doubtful(); }

 private:
  shm::Fd fd_;
  ProvenTime proven_;
};

// Keeps perf events warm. `usable` says whether this daemon may watch threads of other processes.
class PerfEvents {
 public:
  PerfEvents();
  [[nodiscard]] bool usable() const { return usable_; }

 private:
  RunClock own_;
  bool usable_;
};

}  // namespace pulsed::clocks
