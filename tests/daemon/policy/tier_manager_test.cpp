#include "daemon/policy/tier_manager.h"

#include <utility>

#include "tests/daemon/policy/scene.h"

namespace pulsed::policy::testing {

TEST_CASE("a class nobody registered stands under the balanced profile") {
  TierManager tiers({16, 4});
  CHECK(tiers.fields(ClassId{2}).poll_budget == 1ms);
  CHECK(tiers.fields(ClassId{2}).emergency_poll == 5ms);
  const TaskId task{3, 1};
  tiers.poll_ended({.task = task,
                    .cls = ClassId{2},
                    .cpu = 5ms,
                    .wall = 5ms,
                    .cpu_known = true,
                    .counted = false,
                    .counted_cpu = {}},
                   1s);
  CHECK(tiers.tier(task) == Tier::kIsolate);
}

TEST_CASE("budget and emergency are those of the class's policy") {
  TierFields f = plain();
  f.poll_budget = 3ms;
  f.emergency_poll = 7ms;
  Scene s(f);
  CHECK(s.tiers.fields(kClass).poll_budget == 3ms);
  CHECK(s.tiers.fields(kClass).emergency_poll == 7ms);
}

TEST_CASE("a poll opens a task whose opening was never seen") {
  Scene s;
  s.bad({5, 9}, 5);
  CHECK(s.tiers.live_tasks() == 1);
  CHECK(s.tier({5, 9}) == Tier::kWarn);
  CHECK(s.tier({5, 8}) == Tier::kMonitor);
}

TEST_CASE("a poll says whether it opened its task, in flight or ended, and only once") {
  Scene s;
  const EndedPoll first{
      .task = {5, 9}, .cls = kClass, .cpu = 50us, .wall = 50us, .cpu_known = true};
  CHECK(s.tiers.poll_ended(first, s.now).opened);
  CHECK_FALSE(s.tiers.poll_ended(first, s.now).opened);
  s.pass(2s);  // into another sub-bucket
  CHECK_FALSE(s.tiers.poll_ended(first, s.now).opened);
  Scene::Seen seen;
  CHECK_FALSE(s.look({5, 9}, 50us, seen).opened);
  CHECK(s.look({6, 1}, 50us, seen).opened);
  CHECK_FALSE(s.look({6, 1}, 50us, seen).opened);
  CHECK_FALSE(s.look({kNoSlot, 0}, 50us, seen).opened);
  CHECK_FALSE(s.look({5, 8}, 50us, seen).opened);  // nobody's
  s.tiers.task_closed({5, 9}, s.now);
  CHECK_FALSE(s.tiers.poll_ended(first, s.now).opened);  // the class's alone
  s.open(7, 1);
  CHECK_FALSE(s.look({7, 1}, 50us, seen).opened);
}

TEST_CASE("an opening read after the task's first poll changes nothing") {
  Scene s;
  s.bad({5, 9}, 5);
  s.open(5, 9);
  CHECK(s.tier({5, 9}) == Tier::kWarn);
  CHECK(s.tiers.live_tasks() == 1);
}

TEST_CASE("a newer generation closes what the slot held, an older one is ignored") {
  Scene s;
  s.bad({5, 9}, 5);
  s.poll({5, 10}, 50us);
  CHECK(s.tiers.live_tasks() == 1);
  CHECK(s.tier({5, 9}) == Tier::kMonitor);
  CHECK(s.tier({5, 10}) == Tier::kMonitor);
  CHECK(s.tiers.offenders() == 0);
  s.bad({5, 9}, 5);
  CHECK(s.tiers.violations(kClass) == 5);
  s.tiers.task_closed({5, 9}, s.now);
  CHECK(s.tiers.live_tasks() == 1);
  s.open(5, 9);
  CHECK(s.tiers.tasks_at(kClass, Tier::kMonitor) == 1);
}

TEST_CASE("generations wrap: 0 is newer than 65535, and half the circle is older") {
  Scene s;
  s.bad({5, 65535}, 5);
  REQUIRE(s.tier({5, 65535}) == Tier::kWarn);
  s.bad({5, 0});
  CHECK(s.tiers.violations(kClass) == 6);
  s.bad({5, 65535});
  s.bad({5, 32768});
  CHECK(s.tiers.violations(kClass) == 6);
  s.bad({5, 32767});
  CHECK(s.tiers.violations(kClass) == 7);
}

TEST_CASE("a poll read after its task closed counts for the class alone") {
  Scene s;
  const TaskId task = s.open(5, 9);
  s.tiers.task_closed(task, s.now);
  s.bad(task, 5);
  CHECK(s.tiers.violations(kClass) == 5);
  CHECK(s.tiers.live_tasks() == 0);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("a closing read before anything else of its task ends that task") {
  Scene s;
  s.open(5, 1);
  s.tiers.task_closed({5, 2}, s.now);
  s.tiers.task_closed({6, 7}, s.now);
  CHECK(s.tiers.live_tasks() == 0);
  s.open(5, 2);
  s.open(6, 7);
  CHECK(s.tiers.live_tasks() == 0);
  s.open(6, 8);
  CHECK(s.tiers.live_tasks() == 1);
}

TEST_CASE("a slot beyond capacity is a poll without a slot, an unknown class the unnamed one") {
  Scene s;
  s.poll({5000, 1}, 3ms);
  CHECK(s.tiers.violations(kClass) == 1);
  s.poll({1, 1}, 3ms, 1, ClassId{65535});
  CHECK(s.tiers.violations(ClassId{0}) == 1);
  CHECK(s.tiers.tasks_at(ClassId{0}, Tier::kMonitor) == 1);
  for (int i = 0; i < 10; ++i) s.poll({1, 1}, 50us, 1, ClassId{65535});
}

TEST_CASE("a poll in flight is one violation, whether seen once, often or never") {
  Scene s;
  const TaskId task = s.open();
  Scene::Seen seen;
  CHECK_FALSE(s.look(task, 1ms, seen).violation);
  CHECK(s.look(task, 1ms + 1ns, seen).violation);
  CHECK_FALSE(s.look(task, 2ms, seen).violation);
  CHECK_FALSE(s.look(task, 3ms, seen).violation);
  s.end(task, 4ms, seen);
  CHECK(s.tiers.violations(kClass) == 1);
  s.end(task, 4ms, {});
  CHECK(s.tiers.violations(kClass) == 2);
}

TEST_CASE("a poll's CPU time beyond the budget is counted once, in flight and at its end") {
  TierFields f = plain();
  f.promotion_cpu = {10ms, 1h, 1h};
  for (const Duration last : {11ms - 1ns, Duration{11ms}}) {
    Scene s(f);
    const TaskId task = s.open();
    Scene::Seen seen;
    for (Duration cpu = 1ms; cpu < 10ms; cpu += 500us) (void)s.look(task, cpu, seen);
    s.end(task, last, seen);
    CHECK(s.tier(task) == (last < 11ms ? Tier::kMonitor : Tier::kWarn));
  }
}

TEST_CASE("excess seen in flight promotes while the poll is still running") {
  TierFields f = plain();
  f.promotion_cpu = {10ms, 1h, 1h};
  Scene s(f);
  const TaskId task = s.open();
  Scene::Seen seen;
  CHECK(s.look(task, 11ms - 1ns, seen).tier == Tier::kMonitor);
  CHECK(s.look(task, 11ms, seen).tier == Tier::kWarn);
}

TEST_CASE("a poll is slow once: seen slow in flight it is not slow again at its end") {
  TierFields f = plain();
  f.slow_poll = 2ms;
  f.promotion_slow_polls = {2, 100, 100};
  Scene s(f);
  const TaskId task = s.open();
  Scene::Seen seen;
  (void)s.look(task, 1500us, seen);  // a violation, not slow yet
  (void)s.look(task, 2ms, seen);
  (void)s.look(task, 3ms, seen);
  s.end(task, 4ms, seen);
  CHECK(s.tier(task) == Tier::kMonitor);
  Scene::Seen again;
  (void)s.look(task, 1500us, again);
  s.end(task, 2ms, again);  // slow only at its end
  CHECK(s.tier(task) == Tier::kWarn);
}

TEST_CASE("a poll in flight is asked to yield over its budget, at Yield and above") {
  Scene s;
  const TaskId task = s.open();
  const std::array<Tier, 4> tiers{Tier::kMonitor, Tier::kWarn, Tier::kYield, Tier::kIsolate};
  for (const Tier tier : tiers) {
    s.raise(task, tier);
    Scene::Seen seen;
    CHECK_FALSE(s.look(task, 1ms, seen).yield);
    const InFlightVerdict verdict = s.look(task, 1ms + 1ns, seen);
    CHECK(verdict.tier == s.tier(task));
    CHECK(verdict.yield == (verdict.tier >= Tier::kYield));
  }
}

TEST_CASE("an emergency in flight isolates at once, whatever the hysteresis") {
  TierFields f = plain();
  f.emergency_poll = 5ms;
  f.promotion_hysteresis = 1h;
  Scene s(f);
  const TaskId task = s.open();
  s.bad(task, 5);
  REQUIRE(s.tier(task) == Tier::kWarn);
  Scene::Seen seen;
  CHECK(s.look(task, 5ms - 1ns, seen).tier == Tier::kWarn);
  const InFlightVerdict verdict = s.look(task, 5ms, seen);
  CHECK(verdict.tier == Tier::kIsolate);
  CHECK(verdict.yield);
  s.end(task, 20ms, seen);
  CHECK(s.tiers.changes().size() == 2);
}

TEST_CASE("a poll in flight without a slot follows its class, and counts nothing but itself") {
  Scene s;
  Scene::Seen seen;
  const InFlightVerdict verdict = s.look({kNoSlot, 0}, 3ms, seen);
  CHECK(verdict.violation);
  CHECK_FALSE(verdict.yield);
  CHECK(verdict.tier == Tier::kMonitor);
  CHECK_FALSE(s.look({kNoSlot, 0}, 9ms, seen).violation);
  CHECK(s.tiers.violations(kClass) == 1);
}

TEST_CASE("a poll in flight of an older generation is nobody's") {
  Scene s;
  s.open(5, 9);
  Scene::Seen seen;
  const InFlightVerdict verdict = s.look({5, 8}, 9ms, seen);
  CHECK_FALSE(verdict.violation);
  CHECK(s.tiers.violations(kClass) == 0);
}

TEST_CASE("the end of a counted poll is not a good poll, and keeps the task from falling") {
  TierFields f = plain();
  f.demotion_quiet = 2s;
  Scene s(f);
  const TaskId task = s.open();
  s.raise(task, Tier::kWarn);
  Scene::Seen seen;
  (void)s.look(task, 2ms, seen);
  s.pass(2s);
  s.end(task, 2ms, seen);
  s.good(task, 10);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(2s);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("a task whose polls change class keeps its tier and its counts") {
  Scene s;
  TierFields f = plain();
  f.window = 160s;
  s.set(f, kOther);
  const TaskId task = s.open();
  s.poll(task, 2ms, 2, kClass);
  s.poll(task, 2ms, 2, kOther);
  CHECK(s.tier(task) == Tier::kMonitor);
  s.poll(task, 2ms, 1, kClass);
  CHECK(s.tier(task) == Tier::kWarn);
  CHECK(s.tiers.violations(kClass) == 3);
  CHECK(s.tiers.violations(kOther) == 2);
  s.poll(task, 50us, 1, kOther);
  CHECK(s.tiers.tasks_at(kOther, Tier::kWarn) == 1);
  CHECK(s.tiers.tasks_at(kClass, Tier::kWarn) == 0);
}

TEST_CASE("a task that goes over to a class with a lower max_tier falls to it") {
  Scene s;
  TierFields f = plain();
  f.max_tier = Tier::kWarn;
  s.set(f, kOther);
  const TaskId task = s.open();
  s.raise(task, Tier::kIsolate);
  s.poll(task, 50us, 1, kOther);
  CHECK(s.tier(task) == Tier::kWarn);
  CHECK(s.tiers.changes().back().reason == Reason::kPolicy);
}

TEST_CASE("a policy takes hold at once: tasks above the new max_tier fall") {
  Scene s;
  const TaskId task = s.open();
  s.raise(task, Tier::kIsolate);
  TierFields f = plain();
  f.max_tier = Tier::kMonitor;
  s.set(f);
  CHECK(s.tier(task) == Tier::kMonitor);
  CHECK(s.tiers.changes().back().from == Tier::kIsolate);
  CHECK(s.tiers.changes().back().reason == Reason::kPolicy);
  s.bad(task, 100);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("a lower budget holds for tasks that are already open") {
  Scene s;
  const TaskId task = s.open();
  s.poll(task, 800us, 10);
  CHECK(s.tiers.violations(kClass) == 0);
  TierFields f = plain();
  f.poll_budget = 500us;
  s.set(f);
  s.poll(task, 800us);
  CHECK(s.tiers.violations(kClass) == 1);
}

TEST_CASE("time that runs backwards counts as the latest seen") {
  TierFields f = plain();
  f.demotion_min_stay[1] = 3s;
  Scene s(f);
  const TaskId task = s.open();
  s.raise(task, Tier::kWarn);
  s.pass(-500s);
  s.good(task, 20);
  CHECK(s.tier(task) == Tier::kWarn);
  s.bad(task, 3);
  CHECK(s.tiers.changes().back().when == 1000s);
}

TEST_CASE("what is remembered of a task is freed once it cannot matter") {
  Scene s;
  const TaskId task = s.open();
  s.bad(task);
  CHECK(s.tiers.offenders() == 1);
  s.pass(16s - 1ns);
  s.tick();
  CHECK(s.tiers.offenders() == 1);
  s.pass(1ns);
  s.tick();
  CHECK(s.tiers.offenders() == 0);
}

TEST_CASE("changes are kept in order until they are cleared") {
  Scene s;
  const TaskId task = s.open();
  s.bad(task, 8);
  REQUIRE(s.tiers.changes().size() == 2);
  CHECK(s.tiers.changes()[0].to == Tier::kWarn);
  CHECK(s.tiers.changes()[1].to == Tier::kYield);
  CHECK(s.tiers.changes()[1].task == task);
  CHECK(s.tiers.changes()[1].cls == kClass);
  CHECK(s.tiers.changes()[1].when == s.now);
  s.tiers.clear_changes();
  CHECK(s.tiers.changes().empty());
}

TEST_CASE("a moved TierManager goes on where it was") {
  Scene s;
  const TaskId task = s.open();
  s.bad(task, 4);
  TierManager moved = std::move(s.tiers);
  s.tiers = std::move(moved);
  s.bad(task);
  CHECK(s.tier(task) == Tier::kWarn);
}

TEST_CASE(
    "a live task in good standing costs at most 64 bytes, and a table of 2^24 only what is used") {
  Scene s(plain(), 1U << 24);
  CHECK(s.tiers.memory_bytes() < (1U << 20));
  constexpr std::uint32_t kTasks = 100'000;
  for (std::uint32_t slot = 0; slot < kTasks; ++slot) s.good(s.open(slot));
  CHECK(s.tiers.memory_bytes() <= std::size_t{64} * kTasks);
  s.good(s.open((1U << 24) - 1));
  CHECK(s.tiers.tasks_at(kClass, Tier::kMonitor) == kTasks + 1);
}

}  // namespace pulsed::policy::testing
