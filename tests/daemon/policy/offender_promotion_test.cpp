// Every field that moves a task up, alone: just below its threshold, and at it.
#include "daemon/policy/offender.h"

#include "tests/daemon/policy/scene.h"

namespace pulsed::policy::testing {

TEST_CASE("poll_budget: a poll of exactly the budget is no violation, a nanosecond more is one") {
  Scene s;
  const TaskId task = s.open();
  s.poll(task, 1ms, 100);
  CHECK(s.tiers.violations(kClass) == 0);
  CHECK(s.tier(task) == Tier::kMonitor);
  s.poll(task, 1ms + 1ns, 5);
  CHECK(s.tiers.violations(kClass) == 5);
  CHECK(s.tier(task) == Tier::kWarn);
}

TEST_CASE("poll_budget: raising it alone makes the same polls good") {
  TierFields f = plain();
  f.poll_budget = 2ms;
  Scene s(f);
  const TaskId task = s.open();
  s.poll(task, 1ms + 1ns, 100);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("promotion_threshold: 5, then 3, then 2 violations promote, each counted anew") {
  Scene s;
  const TaskId task = s.open();
  s.bad(task, 4);
  CHECK(s.tier(task) == Tier::kMonitor);
  s.bad(task);
  CHECK(s.tier(task) == Tier::kWarn);
  s.bad(task, 2);
  CHECK(s.tier(task) == Tier::kWarn);
  s.bad(task);
  CHECK(s.tier(task) == Tier::kYield);
  s.bad(task);
  CHECK(s.tier(task) == Tier::kYield);
  s.bad(task);
  CHECK(s.tier(task) == Tier::kIsolate);
  s.bad(task, 100);
  CHECK(s.tier(task) == Tier::kIsolate);
  REQUIRE(s.tiers.changes().size() == 3);
  for (const TierChange& change : s.tiers.changes()) CHECK(change.reason == Reason::kViolations);
  CHECK(s.tiers.changes()[0].poll_cpu == 1ms + 1ns);
}

TEST_CASE("promotion_threshold: each tier's own entry decides") {
  for (std::size_t t = 0; t < 3; ++t) {
    TierFields f = plain();
    f.promotion_threshold[t] += 1;
    Scene s(f);
    const TaskId task = s.open();
    const std::array<int, 3> sum{5, 8, 10};
    s.bad(task, sum[t]);
    CHECK(index(s.tier(task)) == t);
    s.bad(task);
    CHECK(index(s.tier(task)) == t + 1);
  }
}

TEST_CASE(
    "promotion_cpu: CPU time beyond the budget promotes by itself, at each tier's own entry") {
  TierFields f = plain();
  f.promotion_threshold = {100, 100, 100};
  f.promotion_cpu = {10ms, 6ms, 3ms};
  for (std::size_t t = 0; t < 3; ++t) {
    Scene s(f);
    const TaskId task = s.open();
    for (std::size_t below = 0; below < t; ++below) s.poll(task, 1ms + f.promotion_cpu[below]);
    REQUIRE(index(s.tier(task)) == t);
    s.poll(task, 2ms);
    s.poll(task, f.promotion_cpu[t] - 1ns);
    CHECK(index(s.tier(task)) == t);
    s.poll(task, 1ms + 1ns);
    CHECK(index(s.tier(task)) == t + 1);
    CHECK(s.tiers.changes().back().reason == Reason::kExcessCpu);
  }
}

TEST_CASE("slow_poll: a nanosecond less is not slow") {
  TierFields f = plain();
  f.promotion_threshold = {100, 100, 100};
  f.slow_poll = 2ms;
  f.promotion_slow_polls = {3, 100, 100};
  Scene s(f);
  const TaskId task = s.open();
  s.poll(task, 2ms - 1ns, 3);
  CHECK(s.tier(task) == Tier::kMonitor);
  s.poll(task, 2ms, 3);
  CHECK(s.tier(task) == Tier::kWarn);
  CHECK(s.tiers.changes().back().reason == Reason::kSlowPolls);
}

TEST_CASE("promotion_slow_polls: 3, then 2, then 1 slow polls promote by themselves") {
  TierFields f = plain();
  f.promotion_threshold = {100, 100, 100};
  f.slow_poll = 2ms;
  Scene s(f);
  const TaskId task = s.open();
  const std::array<Tier, 6> after{Tier::kMonitor, Tier::kMonitor, Tier::kWarn,
                                  Tier::kWarn,    Tier::kYield,   Tier::kIsolate};
  for (const Tier tier : after) {
    s.poll(task, 2ms);
    CHECK(s.tier(task) == tier);
  }
}

TEST_CASE("window: violations count together just within it, and no longer just past it") {
  for (const bool past : {false, true}) {
    Scene s;  // a window of 16 s; 1000 s begins a sub-bucket
    const TaskId task = s.open();
    s.bad(task, 4);
    s.pass(past ? 16s : 16s - 1ns);
    s.bad(task);
    CHECK(s.tier(task) == (past ? Tier::kMonitor : Tier::kWarn));
  }
}

TEST_CASE("window: a longer one alone promotes what a shorter one lets pass") {
  TierFields f = plain();
  f.window = 32s;
  Scene s(f);
  const TaskId task = s.open();
  s.bad(task, 4);
  s.pass(16s);
  s.bad(task);
  CHECK(s.tier(task) == Tier::kWarn);
}

TEST_CASE("emergency_poll: one poll goes straight to Isolate, one a nanosecond shorter does not") {
  TierFields f = plain();
  f.emergency_poll = 5ms;
  f.promotion_hysteresis = 1h;
  Scene s(f);
  const TaskId task = s.open();
  s.poll(task, 5ms - 1ns);
  CHECK(s.tier(task) == Tier::kMonitor);
  s.poll(task, 5ms);
  CHECK(s.tier(task) == Tier::kIsolate);
  REQUIRE(s.tiers.changes().size() == 1);
  CHECK(s.tiers.changes()[0].reason == Reason::kEmergency);
  CHECK(s.tiers.changes()[0].from == Tier::kMonitor);
}

TEST_CASE("max_tier: neither violations nor an emergency go beyond it") {
  TierFields f = plain();
  f.emergency_poll = 5ms;
  f.max_tier = Tier::kWarn;
  Scene s(f);
  const TaskId counted = s.open(0);
  s.bad(counted, 100);
  CHECK(s.tier(counted) == Tier::kWarn);
  const TaskId burst = s.open(1);
  s.poll(burst, 50ms);
  CHECK(s.tier(burst) == Tier::kWarn);
  f.max_tier = Tier::kYield;
  s.set(f);
  s.bad(counted, 3);
  CHECK(s.tier(counted) == Tier::kYield);
}

TEST_CASE("promotion_hysteresis: a promotion due too early is taken at the next poll after it") {
  TierFields f = plain();
  f.promotion_hysteresis = 100ms;
  Scene s(f);
  const TaskId task = s.open();
  s.bad(task, 5);  // opening is no change: not held
  REQUIRE(s.tier(task) == Tier::kWarn);
  s.bad(task, 10);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(100ms - 1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kYield);
  s.good(task, 9);  // the poll that tipped it is not one of the ten
  CHECK(s.tier(task) == Tier::kYield);
  s.good(task);
  CHECK(s.tier(task) == Tier::kWarn);
}

TEST_CASE("promotion_hysteresis: a promotion no longer due when it ends is not taken") {
  TierFields f = plain();
  f.promotion_hysteresis = 20s;
  Scene s(f);
  const TaskId task = s.open();
  s.bad(task, 5);
  s.bad(task, 3);
  s.pass(20s);  // the window of 16 s is over
  s.good(task);
  CHECK(s.tier(task) == Tier::kWarn);
}

TEST_CASE("promotion_hysteresis does not hold an emergency") {
  TierFields f = plain();
  f.promotion_hysteresis = 1h;
  f.emergency_poll = 5ms;
  Scene s(f);
  const TaskId task = s.open();
  s.bad(task, 5);
  REQUIRE(s.tier(task) == Tier::kWarn);
  s.poll(task, 5ms);
  CHECK(s.tier(task) == Tier::kIsolate);
}

TEST_CASE("promotion_hysteresis: a task that came down is not forgotten before it is over") {
  TierFields f = plain();
  f.promotion_hysteresis = 100s;
  f.cooldown_window = 1s;
  Scene s(f);
  const TaskId task = s.open();
  s.raise(task, Tier::kWarn);
  s.good(task, 10);
  REQUIRE(s.tier(task) == Tier::kMonitor);
  s.pass(50s);
  s.tick();
  s.bad(task, 5);
  CHECK(s.tier(task) == Tier::kMonitor);
  s.pass(100s);
  s.tick();
  CHECK(s.tiers.offenders() == 0);
}

}  // namespace pulsed::policy::testing
