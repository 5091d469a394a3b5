// The OS priority of a thread of another process: all of its sched_attr, read, lowered, put back.
//
// By thread id in the daemon's pid namespace: whose thread that is, and whether the number was reused, is the caller's
// business. No call here allocates or locks, so that the guardian may use them after fork(2).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace pulsed::act {

// The kernel's struct sched_attr (sched_setattr(2)), version with utilisation clamps; what a kernel does not know is zero.
//
// The clamps are here to be seen only: flags never say that they are meant, so the kernel keeps those a thread asked for
// through every change of its priority. `runtime` of an ordinary thread is its slice (Linux 6.12): it is written as read.
struct SchedAttr {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;
  std::uint64_t deadline;
  std::uint64_t period;
  std::uint32_t util_min;
  std::uint32_t util_max;
  friend bool operator==(const SchedAttr&, const SchedAttr&) = default;
};

// What to lower a thread to.
struct LowerPriority {
  bool idle;          // SCHED_IDLE; else SCHED_OTHER at:
  std::int32_t nice;  // [1, 19]
};

// Nothing if it cannot be had; errno is ESRCH if there is no such thread.
[[nodiscard]] std::optional<SchedAttr> read_priority(pid_t tid);
// 0, or the error number.
[[nodiscard]] int write_priority(pid_t tid, const SchedAttr& priority);

// `now` lowered, RESET_ON_FORK added; nothing if it is at least as low already, or real-time or deadline: those are
// somebody's decision.
[[nodiscard]] std::optional<SchedAttr> lowered(const SchedAttr& now, const LowerPriority& to);

// Do they agree in all that lowering changes: policy, nice value, RESET_ON_FORK?
[[nodiscard]] bool same_priority(const SchedAttr& a, const SchedAttr& b);
[[nodiscard]] bool resets_on_fork(const SchedAttr& priority);
// What a thread of this priority hands on to the threads and processes that it makes.
[[nodiscard]] SchedAttr handed_on(const SchedAttr& priority);
// Could `applied` be what lowered() made of `before`? For what was read from a file.
[[nodiscard]] bool plausible(const SchedAttr& before, const SchedAttr& applied);

// May this process lower threads of any service and, above all, raise them again? CAP_SYS_NICE in effect, which it is not
// in a user namespace: so a child tries it on itself. A millisecond.
[[nodiscard]] bool may_set_priorities();

}  // namespace pulsed::act
