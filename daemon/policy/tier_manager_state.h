// The tables behind TierManager, and the life of a task in them. Internal to the policy core.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "daemon/policy/class_standing.h"
#include "daemon/policy/offender.h"
#include "daemon/policy/record_pool.h"
#include "daemon/policy/tier_manager.h"

namespace pulsed::policy {

inline constexpr std::size_t kPage = 4096;

// A poll's CPU time as it is known now, and how much of it an earlier call counted.
struct Burn {
  Duration cpu;
  Duration counted_cpu;
  bool counted;
};

struct Judgement {
  bool over;       // the budget
  bool violation;  // counted now
  bool rose;       // the task changed tier
};

struct TierManager::State {
  explicit State(Capacity wanted);

  // Whom a poll's record speaks of: a live task, one that is opened by it, only its class (no slot,
  // or a task that closed before its last poll was read), or nobody any more.
  enum class Whose : std::uint8_t { kTask, kNewTask, kClass, kNobody };
  Whose find(TaskId id, ClassId cls, Time now);

  [[nodiscard]] const TaskState* live_task(TaskId id) const;
  [[nodiscard]] ClassId known(ClassId cls) const;  // an ID beyond capacity is the unnamed class
  ClassStanding& standing(ClassId cls, Time now);  // set up at its first use
  [[nodiscard]] const ClassStanding* find_standing(ClassId cls) const;
  Time advance_clock(Time now) { return latest = std::max(latest, now); }

  void open(TaskId id, ClassId cls, Time now);
  void close(std::uint32_t slot, Time now);
  void mark_closed(TaskId id);  // its slot is empty, and so stays until a newer task's record
  void reclassify(std::uint32_t slot, ClassId to, Time now);
  void touch(std::uint32_t slot);
  Offender& remember(std::uint32_t slot, Time now);
  void forget(TaskState& task);
  OffenseWindow& window_of(Offender& offender, std::uint32_t stamp);
  void void_window(Offender& offender);

  Judgement judge(std::uint32_t slot, ClassId cls, const Burn& burn, Time now);
  bool rise(TaskState& task, Offender& offender, const Burn& burn, Time now);
  void note_good_poll(TaskState& task, const EndedPoll& poll, Time now);
  void judge_unslotted(ClassId cls, const Offense& offense, Time now);
  void change(TaskState& task, Offender& offender, Tier to, Reason reason, Duration cpu, Time now);

  // Some tasks of the class stand where its policy does not allow them, and settle() moves them.
  void unsettle(ClassStanding& cls);
  bool settle(Time now, std::uint32_t& units);
  // The same for one task.
  void keep_in_bounds(std::uint32_t slot, Time now);

  void decide_classes(Time now);
  void sweep(Time now);  // frees records that hold nothing any more
  void mark_hot(ClassId id, ClassStanding& cls);

  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  Capacity capacity;
  std::unique_ptr<TaskState[], Free> tasks;    // by slot
  std::unique_ptr<ClassClock[], Free> clocks;  // by class
  std::vector<std::unique_ptr<ClassStanding>> classes;
  std::vector<ClassId> hot;  // classes with offenses in their window, or above Monitor
  RecordPool<Offender> offenders;
  RecordPool<OffenseWindow> windows;
  std::vector<TierChange> changes;
  std::vector<TaskId> reclassified;
  std::uint32_t settle_next = 0;  // slot
  std::uint32_t settle_left = 0;  // slots until all have been looked at
  std::vector<bool> touched;      // pages of `tasks`
  std::size_t touched_pages = 0;
  std::size_t live = 0;
  std::uint32_t sweep_next = 0;
  Time latest{};
};

[[nodiscard]] ClassPolicy default_policy();  // of a class that none was set for
[[nodiscard]] Offense offense_of(const Burn& burn, const TierFields& fields);

}  // namespace pulsed::policy
