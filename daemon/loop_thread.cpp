#include "daemon/loop_thread.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pulsed {

policy::Time monotonic_now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

policy::Duration thread_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

void sleep_until(policy::Time until) {
  const auto s = std::chrono::duration_cast<std::chrono::seconds>(until);
  const timespec t{s.count(), (until - s).count()};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

bool raise_priority(std::string& why_not) {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  sched_param parameters{};
  parameters.sched_priority = ::sched_get_priority_min(SCHED_FIFO);
  if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) == 0) return true;
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), -20) == 0) return true;
  why_not = std::string("neither SCHED_FIFO nor nice -20 is allowed (") + std::strerror(errno) +
            "): hogs are seen late beside full CPUs; grant CAP_SYS_NICE "
            "(AmbientCapabilities=CAP_SYS_NICE)";
  return false;
}

}  // namespace pulsed
