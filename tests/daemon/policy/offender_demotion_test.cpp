// Every field that moves a task down, or lets it be forgiven, alone: just below its threshold, and at it.
#include "daemon/policy/offender.h"

#include "tests/daemon/policy/scene.h"

namespace pulsed::policy::testing {

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

}  // namespace pulsed::policy::testing
