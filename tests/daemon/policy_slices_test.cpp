// How a policy is brought to many classes, some in each tick.
#include <doctest/doctest.h>

#include <algorithm>

#include "daemon/policy_in_force.h"
#include "tests/daemon/ruled_policy.h"
#include "tests/support/attached_by_hand.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using policy::Enforcement;
using policy::Policy;
using policy::Tier;
using test::AttachedByHand;
using test::rule_for;
using test::with;

// Many classes and many rules, brought about by a clock that stands still unless the test moves it.
struct Crowded : AttachedByHand {
  static constexpr std::uint16_t kClasses = 1000;
  static constexpr std::size_t kRules = 100;

  Crowded() : AttachedByHand(false, {4, 64, 4096, 2048}) { register_classes(1, kClasses); }

  void register_classes(std::uint16_t from, std::uint16_t to) {
    for (std::uint16_t id = from; id < to; ++id) {
      s().classes[id].priority = PULSED_PRIORITY_NORMAL;
      add_class(id, "class/" + std::to_string(id));
    }
    tick();
    // As the control loop's collector does it.
    for (std::uint16_t id = from; id < to; ++id)
      service().set_policy(policy::ClassId{id}, policies.of(service(), service().classes[id]),
                           now());
  }
  // Differs from the one before by the budget, which is as many microseconds as the revision's number.
  void change(std::uint64_t revision, Enforcement limit = Enforcement::kShadow) {
    Policy policy = with(Enforcement::kEnforce);
    policy.enforcement_limit = limit;
    for (std::size_t i = 0; i < kRules; ++i)
      policy.rules.push_back(
          rule_for("nothing/" + std::to_string(i) + "/*", Enforcement::kEnforce));
    policy.defaults.poll_budget = std::chrono::microseconds(revision);
    policies.change(std::move(policy), revision, services(), now());
  }
  bool go_on() { return policies.go_on(services(), now()); }
  void put(std::uint64_t revision, Enforcement limit) {
    change(revision, limit);
    while (!go_on()) {
    }
  }
  // As the control loop does.
  void act() {
    for (const policy::TierChange& change : service().tiers.changes()) {
      if (change.task.slot != policy::kNoSlot)
        service().directives.set_task(change.task, change.cls, change.to);
    }
    service().tiers.clear_changes();
  }
  [[nodiscard]] std::int64_t revision_of(std::uint16_t cls) {
    const auto& fields = service().tiers.fields(policy::ClassId{cls});
    return fields.poll_budget / std::chrono::microseconds{1};
  }
  [[nodiscard]] std::int64_t oldest_revision() {
    std::int64_t oldest = revision_of(0);
    for (std::uint16_t cls = 0; cls < service().classes.size(); ++cls)
      oldest = std::min(oldest, revision_of(cls));
    return oldest;
  }
  [[nodiscard]] bool enforced(std::uint16_t cls) {
    return service().tiers.policy(policy::ClassId{cls}).enforcement == Enforcement::kEnforce;
  }

  act::Demoter demoter{nullptr, nullptr};
  EventLog events;
  Reporter reporter{events};
  HeldWorkers held{demoter, clock(), reporter};
  policy::Time time{};
  policy::Duration a_look{};  // what passes between two looks at the clock
  PolicyInForce policies{Policy{}, 1, held, [this] { return time += a_look; }};
};

TEST_CASE("a new policy is brought to so many classes a tick, and counts once all have it") {
  Crowded t;
  t.change(500);
  constexpr std::size_t kMostATick =
      PolicyInForce::kUnitsATick / (PolicyInForce::kUnitsAClass + Crowded::kRules);
  std::size_t have = 0;
  int ticks = 0;
  for (bool done = false; !done; ++ticks) {
    CHECK(t.policies.revision() == 1);
    done = t.policies.go_on(t.services(), t.now());
    std::size_t now_have = 0;
    for (std::uint16_t cls = 0; cls < Crowded::kClasses; ++cls)
      now_have += t.revision_of(cls) == 500 ? 1U : 0U;
    CHECK(now_have - have <= kMostATick);
    have = now_have;
    CHECK(t.policies.working() == !done);
  }
  CHECK(ticks > 1);
  CHECK(have == Crowded::kClasses);
  CHECK(t.policies.revision() == 500);
  CHECK(t.d().daemon->revision == 500);
}

TEST_CASE(
    "policies that come faster than they can be brought about leave no class out, and the last one "
    "wins") {
  Crowded t;
  std::uint64_t revision = 100;
  for (int tick = 0; tick < 100; ++tick) {
    t.change(++revision);
    (void)t.go_on();
  }
  CHECK(t.oldest_revision() >= 190);  // each had one of the last few
  while (!t.go_on()) {
  }
  CHECK(t.policies.revision() == revision);
  CHECK(t.oldest_revision() == static_cast<std::int64_t>(revision));
}

TEST_CASE(
    "classes that register while a policy is brought about leave no other on the one before") {
  Crowded t;
  // Wherever in the classes the new policy begins.
  for (std::uint16_t round = 0; round < 8; ++round) {
    const std::uint64_t revision = 500 + 10U * round;
    for (int n = 0; n < round; ++n) {
      t.change(revision + static_cast<std::uint64_t>(n), Enforcement::kEnforce);
      (void)t.go_on();
    }
    t.change(revision + 9);
    (void)t.go_on();
    const auto from = static_cast<std::uint16_t>(t.service().classes.size());
    t.register_classes(from, from + 100);
    while (!t.go_on()) {
    }
    CHECK(t.oldest_revision() == static_cast<std::int64_t>(revision) + 9);
  }
}

TEST_CASE("policies without end do not keep tasks' words from following the first of them") {
  Crowded t;
  t.put(600, Enforcement::kEnforce);
  constexpr std::uint32_t kFirst = 20;
  constexpr std::uint32_t kEnd = 4000;
  for (std::uint32_t slot = kFirst; slot < kEnd; ++slot) {
    t.service().tiers.task_opened({slot, 1}, policy::ClassId{1}, t.now());
    t.service().tiers.poll_ended({{slot, 1}, policy::ClassId{1}, 6ms, 6ms, true, false}, t.now());
  }
  t.act();
  const auto asked = [&] {
    std::uint32_t n = 0;
    for (std::uint32_t slot = kFirst; slot < kEnd; ++slot)
      n += (t.d().tasks[slot] & PULSED_DIRECTIVE_ISOLATE) != 0 ? 1U : 0U;
    return n;
  };
  REQUIRE(asked() == kEnd - kFirst);
  for (std::uint64_t tick = 0; tick < 10; ++tick) {
    t.change(1000 + tick);
    CHECK_FALSE(t.go_on());
    t.act();
  }
  CHECK(asked() == 0);
}

TEST_CASE("a tick's slice ends by the clock, however dear the rules' globs are") {
  Crowded t;
  t.a_look = PolicyInForce::kTimeATick / 10;
  t.change(500);
  int ticks = 1;
  for (; !t.go_on(); ++ticks) {
    std::size_t have = 0;
    for (std::uint16_t cls = 0; cls < Crowded::kClasses; ++cls)
      have += t.revision_of(cls) == 500 ? 1U : 0U;
    CHECK(have <= static_cast<std::size_t>(10 * ticks));
  }
  CHECK(ticks >= Crowded::kClasses / 10);
  // Each tick gets somewhere, also on a machine where every look at the clock comes late.
  t.a_look = 10 * PolicyInForce::kTimeATick;
  t.change(501);
  for (ticks = 1; !t.go_on(); ++ticks) REQUIRE(ticks <= 2 * Crowded::kClasses);
  CHECK(t.oldest_revision() == 501);
}

TEST_CASE("an emergency stop holds at once, also for classes that its slices have not come to") {
  constexpr std::uint32_t kWorker = 0;
  constexpr std::uint32_t kSpare = 1;
  constexpr std::uint16_t kLast = Crowded::kClasses - 1;
  Crowded t;
  t.add_worker(kWorker);
  t.add_worker(kSpare, PULSED_WORKER_ATTACHED | PULSED_WORKER_SPARE);
  t.s().lines[kWorker].run_loop = t.s().lines[kSpare].run_loop = 1;
  t.tick();
  t.put(500, Enforcement::kEnforce);
  REQUIRE(t.service().enforceable);
  const auto burn = [&](std::uint32_t slot) {
    t.service().workers[kWorker].looked_at_ticks = 0;
    t.begin_poll(kWorker, AttachedByHand::ref(slot, 1, kLast, PULSED_KIND_POLL), 20ms);
    t.tick();
    t.service().workers[kWorker].current.cpu_base = 0ns;
    t.say_cpu(kWorker, 20ms);
    t.tick();
    t.act();
    t.held.answer(t.service(), t.now());
  };
  const auto beat = [&] {
    t.service().directives.heartbeat(t.clock().now(), 1000);
    return t.d().daemon->lease_ticks != 0;
  };
  burn(20);
  REQUIRE(t.service().words.spare_runs(kSpare));
  REQUIRE(t.d().workers[kWorker].yield_start != 0);
  REQUIRE(beat());

  t.change(501, Enforcement::kObserve);
  CHECK_FALSE(t.service().words.spare_runs(kSpare));
  CHECK(t.d().workers[kWorker].yield_start == 0);
  CHECK(t.d().daemon->lease_ticks == 0);
  CHECK_FALSE(t.go_on());
  REQUIRE(t.enforced(kLast));
  burn(21);
  CHECK_FALSE(t.service().words.spare_runs(kSpare));
  CHECK(t.d().workers[kWorker].yield_start == 0);
  CHECK_FALSE(beat());  // its words may ask what they like
  while (!t.go_on()) t.act();
  t.act();
  CHECK(beat());
  for (const std::uint32_t slot : {20U, 21U})
    CHECK((t.d().tasks[slot] & PULSED_DIRECTIVE_MASK) == 0);

  t.change(502, Enforcement::kObserve);
  CHECK(beat());  // nothing to stop
}

TEST_CASE("a stop that is taken back before it came to all classes leaves all of them enforced") {
  Crowded t;
  t.put(500, Enforcement::kEnforce);
  t.change(501, Enforcement::kObserve);
  CHECK_FALSE(t.go_on());
  t.put(502, Enforcement::kEnforce);
  for (std::uint16_t cls = 0; cls < Crowded::kClasses; ++cls) CHECK(t.enforced(cls));
  CHECK(t.service().enforceable);
  t.service().directives.heartbeat(t.clock().now(), 1000);
  CHECK(t.d().daemon->lease_ticks == 1000);
}

TEST_CASE(
    "a pin comes to the classes of its name within a tick's bounds, and holds back no policy") {
  Crowded t;
  t.put(500, Enforcement::kShadow);
  t.a_look = PolicyInForce::kTimeATick / 10;
  const auto pinned = [&] { return t.service().tiers.policy(policy::ClassId{500}).pinned; };
  t.policies.pin({{"test", "class/500"}, Tier::kWarn}, t.services());
  int ticks = 0;
  while (!pinned()) {
    REQUIRE(++ticks <= Crowded::kClasses);
    CHECK_FALSE(t.go_on());
    CHECK(t.policies.working());
  }
  CHECK(ticks > 1);
  CHECK(pinned() == Tier::kWarn);
  while (t.policies.working()) CHECK_FALSE(t.go_on());

  t.change(501);
  for (ticks = 0; t.policies.revision() != 501; ++ticks) {
    REQUIRE(ticks <= Crowded::kClasses);
    t.policies.pin({{"test", "none/" + std::to_string(ticks)}, Tier::kWarn}, t.services());
    (void)t.go_on();
  }
  CHECK(pinned() == Tier::kWarn);
}

}  // namespace
}  // namespace pulsed
