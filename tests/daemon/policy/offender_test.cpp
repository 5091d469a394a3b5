// Every field that moves a task, alone: just below its threshold, and at it.
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

TEST_CASE("demotion_good_polls: consecutive good polls demote one tier, at each tier's own entry") {
  TierFields f = plain();
  f.demotion_good_polls = {1000, 7, 8, 9};
  Scene s(f);
  const TaskId task = s.open();
  s.raise(task, Tier::kIsolate);
  for (std::size_t t = 3; t > 0; --t) {
    s.good(task, static_cast<int>(f.demotion_good_polls[t]) - 1);
    CHECK(index(s.tier(task)) == t);
    s.good(task);
    CHECK(index(s.tier(task)) == t - 1);
    CHECK(s.tiers.changes().back().reason == Reason::kGoodPolls);
  }
}

TEST_CASE("demotion_good_polls: a poll that is neither good nor a violation starts the run again") {
  Scene s;
  const TaskId task = s.open();
  s.raise(task, Tier::kWarn);
  s.good(task, 9);
  s.poll(task, 500us);
  s.good(task, 9);
  CHECK(s.tier(task) == Tier::kWarn);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("good_poll: the longest good poll is each tier's own entry") {
  TierFields f = plain();
  f.good_poll = {100us, 200us, 300us, 400us};
  for (std::size_t t = 1; t < kTierCount; ++t) {
    Scene s(f);
    const TaskId task = s.open();
    s.raise(task, Tier{static_cast<std::uint8_t>(t)});
    s.poll(task, f.good_poll[t] + 1ns, 10);
    CHECK(index(s.tier(task)) == t);
    s.poll(task, f.good_poll[t], 10);
    CHECK(index(s.tier(task)) == t - 1);
  }
}

TEST_CASE("good_poll: goes by wall time where CPU time is not known") {
  Scene s;
  const TaskId task = s.open();
  s.raise(task, Tier::kWarn);
  EndedPoll poll{.task = task,
                 .cls = kClass,
                 .cpu = 0us,
                 .wall = 201us,
                 .cpu_known = false,
                 .counted = false,
                 .counted_cpu = {}};
  for (int i = 0; i < 20; ++i) s.tiers.poll_ended(poll, s.now);
  CHECK(s.tier(task) == Tier::kWarn);
  poll.wall = 200us;
  for (int i = 0; i < 10; ++i) s.tiers.poll_ended(poll, s.now);
  CHECK(s.tier(task) == Tier::kMonitor);
  s.raise(task, Tier::kWarn);
  poll = {.task = task,
          .cls = kClass,
          .cpu = 200us,
          .wall = 50ms,
          .cpu_known = true,
          .counted = false,
          .counted_cpu = {}};
  for (int i = 0; i < 10; ++i) s.tiers.poll_ended(poll, s.now);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("demotion_min_stay: good polls demote only after the tier's own stay") {
  TierFields f = plain();
  f.demotion_min_stay = {0s, 3s, 2s, 10s};
  for (std::size_t t = 1; t < kTierCount; ++t) {
    Scene s(f);
    const TaskId task = s.open();
    s.raise(task, Tier{static_cast<std::uint8_t>(t)});
    s.pass(f.demotion_min_stay[t] - 1ns);
    s.good(task, 10);
    CHECK(index(s.tier(task)) == t);
    s.pass(1ns);
    s.good(task);
    CHECK(index(s.tier(task)) == t - 1);
  }
}

TEST_CASE("demotion_quiet: good polls demote only so long after the last violation") {
  TierFields f = plain();
  f.demotion_quiet = 2s;
  Scene s(f);
  const TaskId task = s.open();
  s.raise(task, Tier::kWarn);
  s.pass(1s);
  s.bad(task);
  s.pass(2s - 1ns);
  s.good(task, 10);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("demotion_hysteresis: a demotion keeps its distance from the last change") {
  TierFields f = plain();
  f.demotion_hysteresis = 500ms;
  Scene s(f);
  const TaskId task = s.open();
  s.raise(task, Tier::kYield);
  s.pass(500ms - 1ns);
  s.good(task, 10);
  CHECK(s.tier(task) == Tier::kYield);
  s.pass(1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kWarn);
  s.good(task, 100);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(500ms);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("at Monitor, demotion_good_polls good polls forgive violations") {
  TierFields f = plain();
  f.demotion_good_polls[0] = 100;
  for (const int good : {99, 100}) {
    Scene s(f);
    const TaskId task = s.open();
    s.bad(task, 4);
    s.good(task, good);
    s.bad(task);
    CHECK(s.tier(task) == (good == 99 ? Tier::kWarn : Tier::kMonitor));
  }
}

TEST_CASE("at Monitor, good_poll says which polls forgive") {
  for (const Duration cpu : {100us + 1ns, Duration{100us}}) {
    TierFields f = plain();
    f.demotion_good_polls[0] = 100;
    f.demotion_min_stay[0] = 5s;  // of a task that never came down
    Scene s(f);
    const TaskId task = s.open();
    s.bad(task, 4);
    s.poll(task, cpu, 100);
    s.bad(task);
    CHECK(s.tier(task) == (cpu > 100us ? Tier::kWarn : Tier::kMonitor));
  }
}

TEST_CASE("at Monitor, demotion_min_stay delays forgiveness after the task came down") {
  for (const Duration stay : {5s - 1ns, Duration{5s}}) {
    TierFields f = plain();
    f.demotion_good_polls[0] = 100;
    f.demotion_min_stay[0] = 5s;
    Scene s(f);
    const TaskId task = s.open();
    s.raise(task, Tier::kWarn);
    s.good(task, 10);
    REQUIRE(s.tier(task) == Tier::kMonitor);
    s.bad(task, 4);
    s.pass(stay);
    s.good(task, 100);
    s.bad(task);
    CHECK(s.tier(task) == (stay < 5s ? Tier::kWarn : Tier::kMonitor));
  }
}

TEST_CASE("good polls between bad ones never forgive the CPU time burned") {
  TierFields f = plain();
  f.demotion_good_polls[0] = 100;
  f.promotion_cpu[0] = 10ms;
  Scene s(f);
  const TaskId task = s.open();
  for (int i = 0; i < 5; ++i) {
    CHECK(s.tier(task) == Tier::kMonitor);
    s.good(task, 100);
    s.poll(task, 3ms);
  }
  CHECK(s.tier(task) == Tier::kWarn);
}

namespace {

// Up to Warn and down again, which is two changes; a second apart.
void flap(Scene& s, TaskId task) {
  s.pass(1s);
  s.raise(task, Tier::kWarn);
  s.pass(1s);
  s.good(task, 10);
}

TierFields flapping() {
  TierFields f = plain();
  f.cooldown_changes = 4;
  f.cooldown_window = 160s;
  f.cooldown = 50s;
  return f;
}

}  // namespace

TEST_CASE("cooldown_changes: a flapping task is held at the higher tier, not the lower") {
  for (const std::uint32_t most : {4U, 5U, 6U}) {
    TierFields f = flapping();
    f.cooldown_changes = most;
    Scene s(f);
    const TaskId task = s.open();
    flap(s, task);
    flap(s, task);
    REQUIRE(s.tier(task) == Tier::kMonitor);
    REQUIRE(s.tiers.changes().size() == 4);
    // With 4 the fifth change is too many, with 5 the sixth: both hold Warn. With 6 nothing does.
    flap(s, task);
    CHECK(s.tier(task) == (most == 6 ? Tier::kMonitor : Tier::kWarn));
  }
}

TEST_CASE("cooldown: a fall refused as one change too many is taken once the hold is over") {
  TierFields f = flapping();
  f.cooldown_changes = 5;
  Scene s(f);
  const TaskId task = s.open();
  for (int i = 0; i < 3; ++i) flap(s, task);
  s.pass(50s - 1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
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

TEST_CASE("cooldown: the hold lasts exactly that long") {
  Scene s(flapping());
  const TaskId task = s.open();
  flap(s, task);
  flap(s, task);
  s.raise(task, Tier::kWarn);
  s.pass(50s - 1ns);
  s.good(task, 100);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("cooldown_window: changes further apart than it are no flapping") {
  for (const Duration window : {Duration{160s}, Duration{3s}}) {
    TierFields f = flapping();
    f.cooldown_window = window;
    Scene s(f);
    const TaskId task = s.open();
    for (int i = 0; i < 3; ++i) flap(s, task);
    CHECK(s.tier(task) == (window == 160s ? Tier::kWarn : Tier::kMonitor));
  }
}

TEST_CASE("a cooldown never shields an offender: it is promoted all the same") {
  TierFields f = flapping();
  f.cooldown = 1h;
  Scene s(f);
  const TaskId task = s.open();
  for (int i = 0; i < 3; ++i) flap(s, task);
  REQUIRE(s.tier(task) == Tier::kWarn);
  s.bad(task, 3);
  CHECK(s.tier(task) == Tier::kYield);
  s.bad(task, 2);
  CHECK(s.tier(task) == Tier::kIsolate);
  s.pass(30min);
  s.good(task, 1000);
  CHECK(s.tier(task) == Tier::kIsolate);
}

TEST_CASE("under the balanced profile a demoted task recovers, all the way to good standing") {
  Scene s(profile_fields(Profile::kBalanced));
  const TaskId task = s.open();
  s.poll(task, 20ms);
  REQUIRE(s.tier(task) == Tier::kIsolate);
  for (int i = 0; i < 3000 && s.tier(task) != Tier::kMonitor; ++i) {
    s.pass(10ms);
    s.good(task);
    s.tick();
  }
  CHECK(s.tier(task) == Tier::kMonitor);
  CHECK(s.tiers.changes().size() == 4);
  s.pass(20s);
  s.tick();
  CHECK(s.tiers.offenders() == 0);
}

TEST_CASE("under the balanced profile a flapping task is held") {
  Scene s(profile_fields(Profile::kBalanced));
  const TaskId task = s.open();
  // Good for as long as it takes to come down a tier, then bad again.
  int falls = 0;
  Time last = s.now;
  Duration longest{};
  for (int i = 0; i < 4000; ++i) {
    s.pass(10ms);
    const std::size_t before = s.tiers.changes().size();
    s.tier(task) >= Tier::kYield ? s.good(task) : s.poll(task, 2ms);
    if (s.tiers.changes().size() == before) continue;
    if (s.tiers.changes().back().reason != Reason::kGoodPolls) continue;
    ++falls;
    longest = std::max(longest, s.now - last);
    last = s.now;
  }
  CHECK(falls >= 4);
  CHECK(longest >= 5s);  // without a cooldown the longest is little over 2 s
}

}  // namespace pulsed::policy::testing
