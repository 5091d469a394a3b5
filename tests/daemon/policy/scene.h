// A TierManager on a manual clock, and the few moves the tests of the policy core are made of.
//
// Fields start as plain(): round numbers, one reason to promote (violations) and every delay off,
// so that a test switches on just the field it is about.
#pragma once

#include <doctest/doctest.h>

#include <ostream>
#include <vector>

#include "daemon/policy/tier_manager.h"

namespace pulsed::policy {

inline std::ostream& operator<<(std::ostream& out, Tier tier) { return out << name(tier); }

namespace testing {

using namespace std::chrono_literals;

inline constexpr ClassId kClass{3};
inline constexpr ClassId kOther{4};

inline TierFields plain() {
  TierFields f = profile_fields(Profile::kBalanced);
  f.promotion_threshold = {5, 3, 2};
  f.promotion_cpu = {1h, 1h, 1h};
  f.slow_poll = 1h;
  f.window = 16s;  // sub-buckets of one second
  f.emergency_poll = 1h;
  f.demotion_good_polls = {1000, 10, 10, 10};
  f.good_poll = {100us, 200us, 500us, 1000us};
  f.demotion_min_stay = {0s, 0s, 0s, 0s};
  f.demotion_quiet = 0s;
  f.promotion_hysteresis = 0s;
  f.demotion_hysteresis = 0s;
  f.cooldown_changes = 200;
  f.cooldown_window = 1600s;
  f.cooldown = 0s;
  return f;
}

struct Scene {
  explicit Scene(const TierFields& fields = plain(), std::uint32_t tasks = 1024)
      : tiers({tasks, 8}) {
    set(fields);
  }

  void set(const TierFields& fields, ClassId cls = kClass) {
    set({Priority::kNormal, fields}, cls);
  }
  void set(const ClassPolicy& policy, ClassId cls = kClass) {
    tiers.set_class_policy(cls, policy, now);
    std::uint32_t units = 1'000'000;
    tiers.settle(now, units);
  }

  TaskId open(std::uint32_t slot = 0, std::uint16_t generation = 1, ClassId cls = kClass) {
    const TaskId task{slot, generation};
    tiers.task_opened(task, cls, now);
    return task;
  }

  // One whole poll of known CPU time, `times` over, all at this moment.
  void poll(TaskId task, Duration cpu, int times = 1, ClassId cls = kClass) {
    const EndedPoll ended{.task = task,
                          .cls = cls,
                          .cpu = cpu,
                          .wall = cpu,
                          .cpu_known = true,
                          .counted = false,
                          .counted_cpu = {}};
    for (int i = 0; i < times; ++i) tiers.poll_ended(ended, now);
  }
  void bad(TaskId task, int times = 1) { poll(task, 1ms + 1ns, times); }
  void good(TaskId task, int times = 1) { poll(task, 50us, times); }

  // One look at a poll that goes on. The caller's bookkeeping is `seen`.
  struct Seen {
    bool counted = false;
    Duration cpu{};
  };
  InFlightVerdict look(TaskId task, Duration cpu, Seen& seen, ClassId cls = kClass) {
    const InFlightVerdict verdict = tiers.poll_in_flight(
        {.task = task, .cls = cls, .cpu = cpu, .counted = seen.counted, .counted_cpu = seen.cpu},
        now);
    seen.counted = seen.counted || verdict.violation;
    if (seen.counted) seen.cpu = cpu;
    return verdict;
  }
  void end(TaskId task, Duration cpu, const Seen& seen, ClassId cls = kClass) {
    tiers.poll_ended({.task = task,
                      .cls = cls,
                      .cpu = cpu,
                      .wall = cpu,
                      .cpu_known = true,
                      .counted = seen.counted,
                      .counted_cpu = seen.cpu},
                     now);
  }

  // Brings a task from Monitor to `to` at this moment.
  void raise(TaskId task, Tier to) {
    while (tiers.tier(task) < to) bad(task);
  }

  [[nodiscard]] Tier tier(TaskId task) const { return tiers.tier(task); }
  [[nodiscard]] Tier class_tier(ClassId cls = kClass) const { return tiers.class_tier(cls); }
  void pass(Duration d) { now += d; }
  void tick() { tiers.tick(now); }

  TierManager tiers;
  Time now = 1000s;
};

}  // namespace testing
}  // namespace pulsed::policy
