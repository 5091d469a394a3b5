#include "daemon/policy/tier_manager.h"

#include "tests/daemon/policy/scene.h"

namespace pulsed::policy::testing {
namespace {

ClassPolicy pinned_at(std::optional<Tier> tier, const TierFields& fields = plain()) {
  ClassPolicy policy{Priority::kNormal, fields};
  policy.pinned = tier;
  return policy;
}

std::vector<TierChange> changes_of(const Scene& s, TaskId task) {
  std::vector<TierChange> found;
  for (const TierChange& change : s.tiers.changes()) {
    if (change.task == task) found.push_back(change);
  }
  return found;
}

}  // namespace

TEST_CASE("a pin moves all tasks of its class and of no other, and says so") {
  Scene s;
  s.set(plain(), kOther);
  const TaskId quiet = s.open(1);
  const TaskId bad = s.open(2);
  s.raise(bad, Tier::kYield);
  const TaskId other = s.open(3, 1, kOther);
  s.tiers.clear_changes();
  s.set(pinned_at(Tier::kIsolate));
  CHECK(s.tier(quiet) == Tier::kIsolate);
  CHECK(s.tier(bad) == Tier::kIsolate);
  CHECK(s.tier(other) == Tier::kMonitor);
  CHECK(s.class_tier() == Tier::kIsolate);
  CHECK(s.class_tier(kOther) == Tier::kMonitor);
  REQUIRE(changes_of(s, quiet).size() == 1);
  CHECK(changes_of(s, quiet)[0].reason == Reason::kPin);
  CHECK(changes_of(s, quiet)[0].from == Tier::kMonitor);
  REQUIRE(changes_of(s, bad).size() == 1);
  CHECK(changes_of(s, bad)[0].from == Tier::kYield);
  CHECK(changes_of(s, other).empty());
}

TEST_CASE("a pinned task neither rises nor falls, whatever it does and however long") {
  for (const Tier tier : {Tier::kMonitor, Tier::kWarn, Tier::kYield, Tier::kIsolate}) {
    TierFields f = plain();
    f.emergency_poll = 10ms;
    Scene s(f);
    const TaskId task = s.open();
    s.set(pinned_at(tier, f));
    s.bad(task, 20);
    s.poll(task, 50ms);
    CHECK(s.tier(task) == tier);
    s.pass(1h);
    s.good(task, 2000);
    s.tiers.tick(s.now);
    CHECK(s.tier(task) == tier);
    CHECK(s.class_tier() == tier);
  }
}

TEST_CASE("a task that opens, or comes over from another class, is at the pinned tier") {
  Scene s;
  s.set(plain(), kOther);
  const TaskId elsewhere = s.open(7, 1, kOther);
  s.set(pinned_at(Tier::kYield));
  CHECK(s.tier(s.open(8)) == Tier::kYield);
  s.poll(elsewhere, 50us);  // its class is kClass from now on
  CHECK(s.tier(elsewhere) == Tier::kYield);
  s.poll(elsewhere, 50us, 1, kOther);
  CHECK(s.tier(elsewhere) == Tier::kYield);  // the pin has let it go, and it recovers
}

TEST_CASE("a pin may be above max_tier, as it is an operator's word") {
  TierFields f = plain();
  f.max_tier = Tier::kWarn;
  Scene s(f);
  const TaskId task = s.open();
  s.set(pinned_at(Tier::kIsolate, f));
  CHECK(s.tier(task) == Tier::kIsolate);
  s.tiers.clear_changes();
  s.set(f);
  CHECK(s.tier(task) == Tier::kWarn);
  CHECK(changes_of(s, task).at(0).reason == Reason::kPolicy);
}

TEST_CASE("once unpinned a task falls by good polls, a tier at a time, and its class by quiet") {
  Scene s;
  const TaskId task = s.open();
  s.set(pinned_at(Tier::kIsolate));
  s.set(plain());
  CHECK(s.tier(task) == Tier::kIsolate);
  s.good(task, 9);
  CHECK(s.tier(task) == Tier::kIsolate);
  s.good(task, 1);
  CHECK(s.tier(task) == Tier::kYield);
  s.good(task, 20);
  CHECK(s.tier(task) == Tier::kMonitor);
  for (int i = 0; i < 3; ++i) {
    s.pass(1s);
    s.tiers.tick(s.now);
  }
  CHECK(s.class_tier() == Tier::kMonitor);
}

TEST_CASE("demotion_min_stay counts from the pin") {
  TierFields f = plain();
  f.demotion_min_stay = {10s, 10s, 10s, 10s};
  Scene s(f);
  const TaskId task = s.open();
  s.set(pinned_at(Tier::kIsolate, f));
  s.set(f);
  s.pass(9s);
  s.good(task, 10);
  CHECK(s.tier(task) == Tier::kIsolate);
  s.pass(1s);
  s.good(task, 1);
  CHECK(s.tier(task) == Tier::kYield);
}

TEST_CASE("what a policy moves is moved a part at a time, and none is forgotten") {
  constexpr std::uint32_t kTasks = 5000;
  Scene s(plain(), 1 << 20);
  for (std::uint32_t slot = 0; slot < kTasks; ++slot) s.open(slot * 200);
  s.tiers.set_class_policy(kClass, pinned_at(Tier::kWarn), s.now);
  int calls = 0;
  std::size_t most = 0;
  for (bool done = false; !done; ++calls) {
    const std::size_t before = s.tiers.changes().size();
    std::uint32_t units = 20'000;
    done = s.tiers.settle(s.now, units);
    most = std::max(most, s.tiers.changes().size() - before);
  }
  CHECK(calls > 4);
  CHECK(most <= 20'000 / TierManager::kUnitsAMove + 1);
  CHECK(s.tiers.tasks_at(kClass, Tier::kWarn) == kTasks);
}

TEST_CASE("the same policy again moves nothing and voids nothing") {
  Scene s;
  const TaskId task = s.open();
  s.bad(task, 4);
  s.tiers.clear_changes();
  s.set(plain());
  CHECK(s.tiers.changes().empty());
  s.bad(task);  // the fifth
  CHECK(s.tier(task) == Tier::kWarn);
}

TEST_CASE("a task above Monitor that goes over to a class treated otherwise is named") {
  Scene s;
  ClassPolicy enforced{Priority::kNormal, plain()};
  enforced.enforcement = Enforcement::kEnforce;
  s.set(enforced, kOther);
  const TaskId quiet = s.open(1);
  const TaskId bad = s.open(2);
  s.raise(bad, Tier::kYield);
  s.poll(quiet, 50us, 1, kOther);
  CHECK(s.tiers.reclassified().empty());
  s.poll(bad, 50us, 1, kOther);
  REQUIRE(s.tiers.reclassified().size() == 1);
  CHECK(s.tiers.reclassified()[0] == bad);
  CHECK(s.tiers.class_of(bad) == kOther);
  s.tiers.clear_changes();
  CHECK(s.tiers.reclassified().empty());
}

TEST_CASE("an ended poll says whether its task stood at Isolate as it ran") {
  Scene s;
  const TaskId task = s.open();
  const EndedPoll good{.task = task, .cls = kClass, .cpu = 50us, .wall = 50us, .cpu_known = true};
  CHECK_FALSE(s.tiers.poll_ended(good, s.now).isolated);
  s.raise(task, Tier::kYield);
  EndedPoll bad = good;
  bad.cpu = bad.wall = 2ms;
  for (int i = 0; s.tier(task) != Tier::kIsolate; ++i) {
    REQUIRE(i < 100);
    CHECK_FALSE(s.tiers.poll_ended(bad, s.now).isolated);
  }
  int isolated = 0;
  while (s.tier(task) == Tier::kIsolate) {
    REQUIRE(isolated < 100);
    isolated += s.tiers.poll_ended(good, s.now).isolated ? 1 : 0;
  }
  CHECK(isolated == 10);  // the one that brought it down ran there too
  CHECK_FALSE(s.tiers.poll_ended(good, s.now).isolated);
}

TEST_CASE("the records hold every task that is above Monitor") {
  Scene s;
  s.open(1);
  const TaskId bad = s.open(2);
  s.raise(bad, Tier::kWarn);
  int found = 0;
  for (std::uint32_t i = 0; i < s.tiers.records(); ++i) {
    const auto record = s.tiers.record(i);
    if (!record) continue;
    ++found;
    CHECK(record->task == bad);
    CHECK(record->cls == kClass);
    CHECK(record->tier == Tier::kWarn);
  }
  CHECK(found == 1);
}

}  // namespace pulsed::policy::testing
