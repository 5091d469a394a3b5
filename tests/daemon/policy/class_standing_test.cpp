#include "daemon/policy/class_standing.h"

#include "tests/daemon/policy/scene.h"

namespace pulsed::policy::testing {
namespace {

// `total` tasks that poll once, the first `bad` of them at Isolate by an emergency with 4 ms beyond
// their budget.
TierFields emergencies() {
  TierFields f = plain();
  f.emergency_poll = 5ms;
  f.class_share = 0.5;
  return f;
}

void crowd(Scene& s, std::uint32_t bad, std::uint32_t total) {
  for (std::uint32_t i = 0; i < total; ++i) s.poll(s.open(i), i < bad ? 5ms : 50us);
  s.tick();
}

}  // namespace

TEST_CASE("one bad task in 100 does not move its class, though it burns all of the excess") {
  Scene s(emergencies());
  for (int round = 0; round < 200; ++round) {
    crowd(s, 1, 100);
    s.pass(100ms);
  }
  CHECK(s.class_tier() == Tier::kMonitor);
  CHECK(s.tier({0, 1}) == Tier::kIsolate);
  CHECK(s.tiers.tasks_at(kClass, Tier::kIsolate) == 1);
  CHECK(s.tiers.tasks_at(kClass, Tier::kMonitor) == 99);
}

TEST_CASE(
    "class_share: exactly that share of the tasks that polled moves the class, less does not") {
  for (const std::uint32_t total : {10U, 11U}) {
    Scene s(emergencies());
    crowd(s, 5, total);
    CHECK(s.class_tier() == (total == 10 ? Tier::kIsolate : Tier::kMonitor));
  }
}

TEST_CASE("class_share: exactly that share of the excess moves the class, less does not") {
  for (const Duration beyond : {Duration{8ms}, Duration{8ms + 1ns}}) {
    TierFields f = emergencies();
    f.promotion_threshold = {100, 100, 100};
    Scene s(f);
    const TaskId below = s.open(2);
    for (int i = 0; i < 4; ++i) s.poll(below, 3ms);
    s.poll(below, 1ms + (beyond - 8ms));
    crowd(s, 2, 2);
    CHECK(s.class_tier() == (beyond == 8ms ? Tier::kIsolate : Tier::kMonitor));
  }
}

TEST_CASE("class_share: raising it alone keeps the class where it is") {
  TierFields f = emergencies();
  f.class_share = 0.51;
  Scene s(f);
  crowd(s, 5, 10);
  CHECK(s.class_tier() == Tier::kMonitor);
}

TEST_CASE("a class is not judged by one task alone") {
  Scene s(emergencies());
  crowd(s, 1, 1);
  CHECK(s.class_tier() == Tier::kMonitor);
  s.poll(s.open(1), 5ms);
  s.tick();
  CHECK(s.class_tier() == Tier::kIsolate);
}

TEST_CASE("a new task begins at its class's tier, and recovers by the same rules as others") {
  Scene s(emergencies());
  crowd(s, 5, 5);
  REQUIRE(s.class_tier() == Tier::kIsolate);
  REQUIRE(s.tiers.changes().back().task.slot == kNoSlot);
  CHECK(s.tiers.changes().back().reason == Reason::kClassShare);
  const TaskId fresh = s.open(100);
  CHECK(s.tier(fresh) == Tier::kIsolate);
  s.good(fresh, 10);
  CHECK(s.tier(fresh) == Tier::kYield);
  s.good(fresh, 20);
  CHECK(s.tier(fresh) == Tier::kMonitor);
}

TEST_CASE("a new bad task for every request is no escape") {
  Scene s(emergencies());
  for (std::uint16_t i = 0; i < 3; ++i) {
    const TaskId task = s.open(7, i);
    s.poll(task, 5ms);
    s.tiers.task_closed(task, s.now);
    s.tick();
  }
  CHECK(s.class_tier() == Tier::kIsolate);
  CHECK(s.tier(s.open(7, 100)) == Tier::kIsolate);
}

TEST_CASE("new tasks that close before any promotion still move their class, tier by tier") {
  TierFields f = plain();
  f.demotion_quiet = 1h;
  Scene s(f);
  std::uint16_t generation = 0;
  const std::array<int, 3> needed{5, 3, 2};
  for (std::size_t t = 0; t < needed.size(); ++t) {
    for (int n = 1; n <= needed[t]; ++n) {
      const TaskId task = s.open(7, ++generation);
      CHECK(index(s.tier(task)) == t);
      s.bad(task);
      s.tiers.task_closed(task, s.now);
      s.tick();
      CHECK(index(s.class_tier()) == (n < needed[t] ? t : t + 1));
    }
    s.tick();
    CHECK(index(s.class_tier()) == t + 1);
    s.pass(16s);  // else those that began a tier below count among the tasks that polled
  }
}

TEST_CASE("one bad new task among 100 does not move its class") {
  Scene s;
  std::uint16_t generation = 0;
  for (int round = 0; round < 50; ++round) {
    ++generation;
    for (std::uint32_t slot = 0; slot < 100; ++slot) {
      const TaskId task = s.open(slot, generation);
      slot == 0 ? s.bad(task) : s.good(task);
      s.tiers.task_closed(task, s.now);
    }
    s.tick();
    s.pass(10ms);
  }
  CHECK(s.class_tier() == Tier::kMonitor);
}

TEST_CASE("a task that closed above its class's tier counts once") {
  TierFields f = emergencies();
  f.promotion_cpu[0] = 8ms;
  Scene s(f);
  for (std::uint32_t slot = 0; slot < 5; ++slot) {
    const TaskId task = s.open(slot);
    s.poll(task, slot < 2 ? 5ms : 50us);
    s.tiers.task_closed(task, s.now);
  }
  s.tick();
  CHECK(s.class_tier() == Tier::kMonitor);
}

TEST_CASE("beginning at an inherited tier is no change: demotion_hysteresis does not hold it") {
  TierFields f = emergencies();
  f.demotion_hysteresis = 1h;
  Scene s(f);
  crowd(s, 5, 5);
  const TaskId fresh = s.open(100);
  REQUIRE(s.tier(fresh) == Tier::kIsolate);
  s.good(fresh, 10);
  CHECK(s.tier(fresh) == Tier::kYield);
}

TEST_CASE("a task over budget in two classes counts in each") {
  Scene s(emergencies());
  s.set(emergencies(), kOther);
  for (std::uint32_t slot = 0; slot < 2; ++slot) s.raise(s.open(slot), Tier::kWarn);
  s.pass(1s);
  for (std::uint32_t slot = 0; slot < 2; ++slot) s.poll({slot, 1}, 2ms, 1, kOther);
  s.tick();
  CHECK(s.class_tier() == Tier::kWarn);
  CHECK(s.class_tier(kOther) == Tier::kWarn);
}

TEST_CASE("a class falls one tier at a time, after demotion_quiet and each tier's stay") {
  TierFields f = emergencies();
  f.window = 160ms;
  f.demotion_quiet = 2s;
  f.demotion_min_stay = {5s, 3s, 2s, 10s};
  Scene s(f);
  crowd(s, 5, 5);
  REQUIRE(s.class_tier() == Tier::kIsolate);
  const std::array<Duration, 3> stay{10s, 2s, 3s};
  const std::array<Tier, 4> tier{Tier::kIsolate, Tier::kYield, Tier::kWarn, Tier::kMonitor};
  for (std::size_t i = 0; i < stay.size(); ++i) {
    s.pass(stay[i] - 1ns);
    s.tick();
    CHECK(s.class_tier() == tier[i]);
    s.pass(1ns);
    s.tick();
    CHECK(s.class_tier() == tier[i + 1]);
  }
}

TEST_CASE("demotion_quiet and demotion_hysteresis each delay a class's fall") {
  for (const bool quiet : {false, true}) {
    TierFields f = emergencies();
    f.window = 160ms;
    (quiet ? f.demotion_quiet : f.demotion_hysteresis) = 2s;
    Scene s(f);
    crowd(s, 5, 5);
    s.pass(2s - 1ns);
    s.tick();
    CHECK(s.class_tier() == Tier::kIsolate);
    s.pass(1ns);
    s.tick();
    CHECK(s.class_tier() == Tier::kYield);
  }
}

TEST_CASE(
    "a class stays where it is while its shares hold, and its last bad task does not hold it") {
  TierFields f = emergencies();
  f.window = 160ms;
  f.demotion_quiet = 2s;
  Scene s(f);
  crowd(s, 5, 5);
  for (int i = 0; i < 50; ++i) {
    s.pass(100ms);
    crowd(s, 3, 5);
  }
  CHECK(s.class_tier() == Tier::kIsolate);
  for (int i = 0; i < 100; ++i) {
    s.pass(100ms);
    crowd(s, 1, 5);
  }
  CHECK(s.class_tier() == Tier::kMonitor);
}

TEST_CASE("rare requests, all of them bad, keep a class where it is") {
  TierFields f = emergencies();
  f.demotion_quiet = 2s;
  f.window = 1s;
  Scene s(f);
  crowd(s, 2, 2);
  for (std::uint16_t i = 0; i < 100; ++i) {
    s.pass(1500ms);
    const TaskId task = s.open(9, i);
    s.poll(task, 5ms);
    s.tiers.task_closed(task, s.now);
    s.tick();
  }
  CHECK(s.class_tier() == Tier::kIsolate);
}

TEST_CASE("max_tier caps a class, and pulls it down when it falls") {
  TierFields f = emergencies();
  f.max_tier = Tier::kYield;
  Scene s(f);
  crowd(s, 5, 5);
  CHECK(s.class_tier() == Tier::kYield);
  f.max_tier = Tier::kWarn;
  s.tiers.clear_changes();
  s.set(f);
  CHECK(s.class_tier() == Tier::kWarn);
  CHECK(s.tiers.tasks_at(kClass, Tier::kWarn) == 5);
  CHECK(s.tiers.changes().size() == 6);
  for (const TierChange& change : s.tiers.changes()) CHECK(change.reason == Reason::kPolicy);
}

TEST_CASE("polls without a slot count for the class as a task below every tier") {
  Scene s(emergencies());
  crowd(s, 2, 2);  // 8 ms at Isolate
  REQUIRE(s.class_tier() == Tier::kIsolate);
  Scene t(emergencies());
  t.poll({kNoSlot, 0}, 9ms + 1us);  // 8 ms and a little, by no task
  crowd(t, 2, 2);
  CHECK(t.class_tier() == Tier::kMonitor);
  CHECK(t.tiers.violations(kClass) == 3);
  CHECK(t.tiers.live_tasks() == 2);
}

TEST_CASE("a task is counted in the class of its latest poll, and once however often it polls") {
  Scene s(emergencies());
  s.set(emergencies(), kOther);
  // Five good tasks that change class at every poll, and four bad ones that stay.
  for (std::uint32_t i = 0; i < 5; ++i) {
    const TaskId task = s.open(i);
    for (int n = 0; n < 10; ++n) s.poll(task, 50us, 1, n % 2 == 0 ? kOther : kClass);
  }
  for (std::uint32_t i = 10; i < 14; ++i) s.poll(s.open(i), 5ms);
  s.tick();
  CHECK(s.class_tier() == Tier::kMonitor);
  s.poll(s.open(14), 5ms);
  s.tick();
  CHECK(s.class_tier() == Tier::kIsolate);
  CHECK(s.class_tier(kOther) == Tier::kMonitor);
}

TEST_CASE("a changed window starts the class's counts again") {
  Scene s(emergencies());
  s.poll(s.open(0), 5ms);
  for (std::uint32_t slot = 10; slot < 12; ++slot) s.good(s.open(slot));
  TierFields f = emergencies();
  f.window = 32s;
  s.set(f);
  for (std::uint32_t slot = 10; slot < 12; ++slot) s.good(s.open(slot));
  s.poll(s.open(1), 5ms);
  s.tick();
  CHECK(s.class_tier() == Tier::kMonitor);
  s.good(s.open(12));
  s.poll(s.open(2), 5ms);
  s.tick();
  CHECK(s.class_tier() == Tier::kMonitor);  // two of five
  s.poll(s.open(3), 5ms);
  s.tick();
  CHECK(s.class_tier() == Tier::kIsolate);
}

TEST_CASE("reports_per_minute: one report more in a minute is withheld and counted") {
  for (const std::uint32_t most : {5U, 6U}) {
    TierFields f = plain();
    f.reports_per_minute = most;
    Scene s(f);
    for (int i = 0; i < 5; ++i) CHECK(s.tiers.take_report(kClass, s.now));
    CHECK(s.tiers.take_report(kClass, s.now) == (most == 6));
    CHECK(s.tiers.reports_withheld(kClass) == (most == 6 ? 0 : 1));
    CHECK(s.tiers.take_report(kOther, s.now));
    s.pass(60s);
    CHECK(s.tiers.take_report(kClass, s.now));
  }
}

}  // namespace pulsed::policy::testing
