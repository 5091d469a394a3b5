// How long a thread of another process has run on a CPU, exact while it runs.
//
// A PERF_COUNT_SW_TASK_CLOCK event counts it and costs 0.4 us to read. The first such event on a machine takes the kernel
// 6 to 16 ms to open, so a PerfEvents object keeps one of the daemon's own open; further ones take tens of microseconds.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "shared_memory/segment.h"

namespace pulsed::clocks {

class RunClock {
 public:
  RunClock() = default;
  // Counts from now on. Not valid if the thread has gone, without the right to watch it, or if descriptors
  // run short.
  explicit RunClock(pid_t tid);
  [[nodiscard]] bool valid() const { return fd_.valid(); }
  [[nodiscard]] std::optional<std::chrono::nanoseconds> read() const;

 private:
  shm::Fd fd_;
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
