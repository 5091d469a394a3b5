#include "daemon/clocks/run_clock.h"

#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "daemon/clocks/monotonic.h"

namespace pulsed::clocks {
namespace {

// Clocks are a comfort, attaching is not: the upper half of the descriptors is left to services. Numbers are dealt from
// the lowest free one, so a number says how many are in use.
bool too_many(int fd) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || static_cast<rlim_t>(fd) >= limit.rlim_cur / 2;
}

int open_task_clock(pid_t tid) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  return static_cast<int>(
      ::syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

RunClock::RunClock(pid_t tid) : fd_(open_task_clock(tid)) {
  if (fd_.valid() && too_many(fd_.get())) fd_.reset();
}

std::optional<std::chrono::nanoseconds> RunClock::read() {
  std::uint64_t ns = 0;
  const std::uint64_t asked = monotonic_ns();
  if (!fd_.valid() || ::read(fd_.get(), &ns, sizeof(ns)) != static_cast<ssize_t>(sizeof(ns))) {
    return std::nullopt;
  }
  return proven_.take(std::chrono::nanoseconds{ns},
                      std::chrono::nanoseconds{monotonic_ns() - asked});
}

PerfEvents::PerfEvents()
    : own_(::gettid()),
      // pid 1 is another user's process unless we are root in our pid namespace; where the kernel lets us watch
      // it, it lets us watch every service.
      usable_(own_.valid() && RunClock(1).valid()) {}

}  // namespace pulsed::clocks
