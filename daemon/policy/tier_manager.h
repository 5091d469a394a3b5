// Decides, for one service, at which tier each task and each class stands: Monitor -> Warn -> Yield
// -> Isolate and back.
//
// Pure: no clock, I/O, log or atomics; every call says what time it is, and time never runs
// backwards (an earlier `now` counts as the latest seen). The same object runs live, in tests and
// over recordings. Not thread-safe: one owner. State lies in flat arrays by slot; a task in good
// standing at Monitor costs 16 bytes and one cache line a poll, and only tasks with something to
// remember (offenders) hold a larger record.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "daemon/policy/policy.h"
#include "daemon/policy/task_state.h"
#include "daemon/policy/tier_change.h"

namespace pulsed::policy {

// One ended poll.
struct EndedPoll {
  TaskId task;
  ClassId cls;
  Duration cpu;            // proven CPU time: exact, measured, or the lower bound seen in flight
  Duration wall;           // begin to end
  bool cpu_known;          // `cpu` is the whole CPU time and not a lower bound
  bool counted;            // its violation was already counted in flight (see poll_in_flight)
  Duration counted_cpu{};  // `cpu` of the last in-flight call that was counted, zero if none
};

struct EndedVerdict {
  bool opened = false;    // the task, which was not seen opened
  bool isolated = false;  // the task stood at Isolate as this poll ran
};

struct InFlightPoll {
  TaskId task;
  ClassId cls;
  Duration cpu;          // proven so far
  bool counted;          // an earlier call for this poll returned violation = true
  Duration counted_cpu;  // `cpu` of the last call for this poll that was counted, zero if none
};

struct InFlightVerdict {
  bool violation;       // over budget: counted now (only if not counted before)
  bool yield;           // the poll should be asked to yield: over budget at Yield or above
  Tier tier;            // the task's tier after this call
  bool opened = false;  // the task, which was not seen opened
};

class TierManager {
 public:
  struct Capacity {
    std::uint32_t tasks;    // slots, [1, 2^24]
    std::uint32_t classes;  // [1, 4096]
  };
  explicit TierManager(Capacity capacity);
  ~TierManager();
  TierManager(TierManager&&) noexcept;
  TierManager& operator=(TierManager&&) noexcept;

  // Sets what holds for a class, at registration and at every policy change; the same again changes
  // nothing. The class goes at once to where it may stand now (max_tier, a pin), its tasks by
  // settle(). Tasks that come loose from a pin stay where they are and recover by the ordinary
  // rules, as if they had been promoted when they were pinned.
  void set_class_policy(ClassId cls, const ClassPolicy& policy, Time now);
  // Goes on moving tasks to where they may stand, until `units` are used up: a task moved takes
  // kUnitsAMove of them, looking at kSlotsAUnit slots takes one. True: all stand where they may.
  bool settle(Time now, std::uint32_t& units);
  static constexpr std::uint32_t kUnitsAMove = 20;
  static constexpr std::uint32_t kSlotsAUnit = 8;

  // A task begins at its class's tier. Opening an occupied slot closes what was there.
  void task_opened(TaskId task, ClassId cls, Time now);
  void task_closed(TaskId task, Time now);

  // A task in good standing, polled in this sub-bucket before, within its budget: nothing to count.
  // Kept inline, as this is what nearly every sample of a sound service comes to.
  [[nodiscard]] bool good_as_before(const EndedPoll& poll, Time now) const {
    if (poll.task.slot >= task_capacity_) return false;
    const TaskState& task = tasks_[poll.task.slot];
    if (task.identity != TaskState::good(poll.task.generation, poll.cls)) return false;
    const ClassClock& clock = clocks_[index(task.cls())];
    return poll.cpu <= clock.quiet_limit && task.active_stamp == clock.stamp &&
           now < clock.bucket_end;
  }

  // A task not seen opened (its record was dropped) is opened here; an older generation than the
  // slot's is ignored.
  EndedVerdict poll_ended(const EndedPoll& poll, Time now) {
    return good_as_before(poll, now) ? EndedVerdict{} : judge_ended(poll, now);
  }
  [[nodiscard]] InFlightVerdict poll_in_flight(const InFlightPoll& poll, Time now);

  // Moves what only time moves: class tiers, windows. Costs what there are offenders and active
  // classes, not tasks.
  void tick(Time now);

  [[nodiscard]] bool live(TaskId task) const;  // opened, not closed, of exactly this generation
  [[nodiscard]] Tier tier(TaskId task) const;  // of an unknown or stale task: Monitor
  // Of a task of that class; of one that is not known yet, or has no slot, the class's.
  [[nodiscard]] Tier tier(TaskId task, ClassId cls) const;
  [[nodiscard]] Tier class_tier(ClassId cls) const;
  // As it holds for the class, scaled by its priority; valid until its policy is set anew.
  [[nodiscard]] const ClassPolicy& policy(ClassId cls) const;
  [[nodiscard]] const TierFields& fields(ClassId cls) const { return policy(cls).fields; }
  [[nodiscard]] std::optional<ClassId> class_of(TaskId task) const;  // of a live one
  [[nodiscard]] std::uint64_t violations(
      ClassId cls) const;  // total since the class was registered
  [[nodiscard]] std::uint32_t tasks_at(ClassId cls, Tier tier) const;
  // Whether one more report about this class may be logged now (reports_per_minute); one that may
  // not is counted.
  [[nodiscard]] bool take_report(ClassId cls, Time now);
  [[nodiscard]] std::uint64_t reports_withheld(ClassId cls) const;

  [[nodiscard]] std::size_t live_tasks() const;
  [[nodiscard]] std::size_t offenders() const;     // tasks with something to remember
  [[nodiscard]] std::size_t memory_bytes() const;  // touched, for the bound per live task

  // Changes since the last clear, oldest first.
  [[nodiscard]] std::span<const TierChange> changes() const;
  // Tasks above Monitor that went over to a class in which something else is done about them.
  [[nodiscard]] std::span<const TaskId> reclassified() const;
  void clear_changes();

  // Records of what is remembered of tasks, for a walk over all that are not in good standing: some
  // are free (nothing).
  struct Record {
    TaskId task;
    ClassId cls;
    Tier tier;
  };
  [[nodiscard]] std::uint32_t records() const;
  [[nodiscard]] std::optional<Record> record(std::uint32_t index) const;  // [0, records())

 private:
  struct State;

  EndedVerdict judge_ended(const EndedPoll& poll, Time now);

  std::unique_ptr<State> state_;
  TaskState* tasks_;
  ClassClock* clocks_;
  std::uint32_t task_capacity_;
};

}  // namespace pulsed::policy
