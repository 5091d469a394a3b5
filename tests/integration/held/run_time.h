// How long the calling thread was on a CPU, time included that a hypervisor took from that CPU meanwhile: what the daemon's
// clock of other processes' threads counts, and CLOCK_THREAD_CPUTIME_ID leaves out.
#pragma once

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared_memory/segment.h"
#include "tests/integration/held/own_time.h"

namespace pulsed::test {

class RunTime {
 public:
  RunTime() {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_TASK_CLOCK;
    fd_ = shm::Fd(static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  }
  // Without the right to that clock: CPU time, as the daemon is told it then.
  [[nodiscard]] microseconds now() const {
    std::uint64_t ns = 0;
    if (!fd_.valid() || ::read(fd_.get(), &ns, sizeof(ns)) != static_cast<ssize_t>(sizeof(ns))) {
      return thread_cpu();
    }
    return std::chrono::duration_cast<microseconds>(std::chrono::nanoseconds{ns});
  }

 private:
  shm::Fd fd_;
};

// To be called once outside polls: opening that clock is a poll's budget worth of work.
[[nodiscard]] inline microseconds run_time() {
  thread_local const RunTime clock;
  return clock.now();
}

}  // namespace pulsed::test
