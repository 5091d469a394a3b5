#include "shim/thread_environment.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace pulsed::shim {
namespace {

constexpr std::size_t kLargestStack = std::size_t{1}
                                      << 30;  // more is a main thread's without a limit

std::size_t stack_of_this_thread() {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return 0;
  std::size_t bytes = 0;
  const bool known = ::pthread_attr_getstacksize(&attributes, &bytes) == 0;
  ::pthread_attr_destroy(&attributes);
  return known && bytes <= kLargestStack ? bytes : 0;
}

// Not a policy that needs more parameters than these.
bool can_be_set(int policy) {
  return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE ||
         policy == SCHED_FIFO || policy == SCHED_RR;
}

}  // namespace

ThreadEnvironment environment_of_this_thread() {
  const int before = errno;
  ThreadEnvironment e{};
  ::pthread_sigmask(SIG_SETMASK, nullptr, &e.signals);
  const long bytes = ::syscall(SYS_sched_getaffinity, 0, sizeof(e.cpus), e.cpus.data());
  e.cpu_bytes = bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  e.policy = ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
  sched_param parameters{};
  ::sched_getparam(0, &parameters);
  e.static_priority = parameters.sched_priority;
  e.nice = ::getpriority(PRIO_PROCESS, 0);
  e.stack_bytes = stack_of_this_thread();
  errno = before;
  return e;
}

void schedule_like(const ThreadEnvironment& e) {
  if (e.cpu_bytes != 0) ::syscall(SYS_sched_setaffinity, 0, e.cpu_bytes, e.cpus.data());
  sched_param parameters{};
  parameters.sched_priority = e.static_priority;
  if (can_be_set(e.policy)) ::sched_setscheduler(0, e.policy, &parameters);
  ::setpriority(PRIO_PROCESS, 0, e.nice);
}

}  // namespace pulsed::shim
