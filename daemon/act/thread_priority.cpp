#include "daemon/act/thread_priority.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pulsed::act {
namespace {

constexpr std::uint64_t kResetOnFork = 1;  // SCHED_FLAG_RESET_ON_FORK
constexpr std::int32_t kLowestNice = 19;
constexpr std::int32_t kHighestNice = -20;

// No clamps: written as a version of the structure that has none.
constexpr std::uint32_t kBytesWithoutClamps = 48;

static_assert(sizeof(SchedAttr) == 56, "sched_attr of Linux 5.3 and later");

bool ordinary(std::uint32_t policy) { return policy == SCHED_OTHER || policy == SCHED_BATCH; }

bool has_capability() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets[0].effective & (1U << CAP_SYS_NICE)) != 0;
}

// In a child of its own: lowers itself and raises itself again, without the help of RLIMIT_NICE.
[[noreturn]] void try_to_raise() {
  const rlimit none{0, 0};
  const bool raised = ::setrlimit(RLIMIT_NICE, &none) == 0 &&
                      ::setpriority(PRIO_PROCESS, 0, kLowestNice) == 0 &&
                      ::setpriority(PRIO_PROCESS, 0, 0) == 0;
  ::_exit(raised ? 0 : 1);
}

}  // namespace

std::optional<SchedAttr> read_priority(pid_t tid) {
  SchedAttr attr{};
  if (::syscall(SYS_sched_getattr, tid, &attr, sizeof(attr), 0) != 0) return std::nullopt;
  return attr;
}

int write_priority(pid_t tid, const SchedAttr& priority) {
  SchedAttr attr = priority;
  attr.size = kBytesWithoutClamps;
  return ::syscall(SYS_sched_setattr, tid, &attr, 0) == 0 ? 0 : errno;
}

std::optional<SchedAttr> lowered(const SchedAttr& now, const LowerPriority& to) {
  if (!ordinary(now.policy)) return std::nullopt;
  if (!to.idle && now.nice >= to.nice) return std::nullopt;
  SchedAttr low = now;
  if (to.idle) {
    low.policy = SCHED_IDLE;
  } else {
    low.nice = to.nice;
  }
  low.flags |= kResetOnFork;
  return low;
}

bool resets_on_fork(const SchedAttr& priority) { return (priority.flags & kResetOnFork) != 0; }

bool same_priority(const SchedAttr& a, const SchedAttr& b) {
  return a.policy == b.policy && a.nice == b.nice && resets_on_fork(a) == resets_on_fork(b);
}

SchedAttr handed_on(const SchedAttr& priority) {
  SchedAttr child = priority;
  if (!resets_on_fork(priority)) return child;
  child.flags &= ~kResetOnFork;
  child.nice = std::max(child.nice, 0);
  child.runtime = 0;
  return child;
}

bool plausible(const SchedAttr& before, const SchedAttr& applied) {
  const auto is_nice = [](std::int32_t nice) {
    return nice >= kHighestNice && nice <= kLowestNice;
  };
  return ordinary(before.policy) && is_nice(before.nice) && is_nice(applied.nice) &&
         (ordinary(applied.policy) || applied.policy == SCHED_IDLE) && resets_on_fork(applied) &&
         !same_priority(before, applied);
}

bool may_set_priorities() {
  if (!has_capability()) return false;
  const pid_t child = ::fork();
  if (child == 0) try_to_raise();
  if (child < 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return true;  // somebody else reaps our children: the capability must do
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace pulsed::act
