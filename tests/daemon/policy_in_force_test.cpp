#include "daemon/policy_in_force.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/daemon/act/parked_thread.h"
#include "tests/daemon/ruled_policy.h"
#include "tests/support/attached_by_hand.h"
#include "tests/support/temp_dir.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using policy::Enforcement;
using policy::Policy;
using policy::Rule;
using policy::Tier;
using test::AttachedByHand;
using test::rule_for;
using test::with;

constexpr std::uint16_t kRender = 1;
constexpr std::uint16_t kPay = 2;

// A service with two classes, each with a task at Isolate (slots 20 and 21) and a worker (lines 0 and 1) on a real thread.
struct Ruled : AttachedByHand {
  explicit Ruled(const Policy& policy = with(Enforcement::kShadow)) {
    add_class(kRender, "shop/render");
    add_class(kPay, "shop/pay");
    for (std::uint32_t line = 0; line < 2; ++line) {
      add_worker(line);
      s().lines[line].tid = static_cast<std::uint32_t>(threads[line].peer().tid);
    }
    tick();
    put(policy);
    policies.admit(service(), now());
    for (std::uint32_t line = 0; line < 2; ++line) {
      push(0, ref(20 + line, 1, static_cast<std::uint16_t>(1 + line), PULSED_KIND_OPEN));
      tick();
      policy::EndedPoll hog{{20 + line, 1}, policy::ClassId(1 + line), 6ms, 6ms, true, false};
      service().tiers.poll_ended(hog, now());
    }
    act();
  }

  // In force when it returns.
  void put(const Policy& policy) {
    policies.change(policy, ++revision, services(), now());
    while (!policies.go_on(services(), now())) act();
    act();
  }
  void act() {
    for (const policy::TierChange& change : service().tiers.changes()) {
      if (change.task.slot == policy::kNoSlot) {
        service().directives.set_class(change.cls, change.to);
      } else {
        service().directives.set_task(change.task, change.cls, change.to);
      }
    }
    service().tiers.clear_changes();
  }
  // A poll of the class on its own worker that burned 2 ms.
  void burn(std::uint16_t cls) {
    const std::uint32_t line = cls - 1U;
    service().workers[line].looked_at_ticks = 0;
    begin_poll(line, ref(20 + line, 1, cls, PULSED_KIND_POLL), 2ms);
    tick();
    service().workers[line].current.cpu_base = 0ns;
    say_cpu(line, 2ms);
    tick();
    held.answer(service(), now());
  }
  [[nodiscard]] std::uint32_t asked(std::uint16_t cls) const {
    return d_word(cls) & PULSED_DIRECTIVE_MASK;
  }
  [[nodiscard]] int nice(std::uint16_t cls) const { return threads[cls - 1U].priority().nice; }
  [[nodiscard]] std::uint32_t d_word(std::uint16_t cls) const {
    return const_cast<Ruled*>(this)->d().tasks[19U + cls];
  }

  std::array<test::ParkedThread, 2> threads;
  test::TempDir dir;
  act::DemotionLedger ledger{dir.path() + "/demotions"};
  act::Guardian guardian{ledger};
  act::Demoter demoter{&ledger, &guardian};
  EventLog events;
  Reporter reporter{events};
  HeldWorkers held{demoter, clock(), reporter};
  std::uint64_t revision = 1;
  PolicyInForce policies{Policy{}, revision, held};
};

constexpr std::uint32_t kAll =
    PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD | PULSED_DIRECTIVE_ISOLATE;

TEST_CASE("one class can be under enforce while all others are in shadow, and the other way") {
  Ruled t(with(Enforcement::kShadow, {rule_for("shop/pay", Enforcement::kEnforce)}));
  CHECK(t.asked(kRender) == 0);
  CHECK(t.asked(kPay) == kAll);
  CHECK(t.service().enforceable);
  CHECK((t.service().words.abilities() & PULSED_DAEMON_WAKES_SPARES) != 0);
  t.put(with(Enforcement::kEnforce, {rule_for("shop/pay", Enforcement::kShadow)}));
  CHECK(t.asked(kRender) == kAll);
  CHECK(t.asked(kPay) == 0);
  t.put(with(Enforcement::kShadow));
  CHECK(t.asked(kRender) == 0);
  CHECK(t.asked(kPay) == 0);
  CHECK_FALSE(t.service().enforceable);
  CHECK(t.service().words.abilities() == 0);
}

TEST_CASE("enforcement_limit stops everything, whatever rules say, and lets it go on again") {
  for (const Enforcement limit : {Enforcement::kObserve, Enforcement::kShadow}) {
    Policy policy = with(Enforcement::kEnforce, {rule_for("shop/pay", Enforcement::kEnforce)});
    Ruled t(policy);
    REQUIRE(t.asked(kPay) == kAll);
    t.burn(kPay);
    policy.enforcement_limit = limit;
    t.put(policy);
    CHECK(t.asked(kRender) == 0);
    CHECK(t.asked(kPay) == 0);
    CHECK(t.d().workers[1].yield_start == 0);
    CHECK(t.held.demoted() == 0);
    CHECK(t.service().words.abilities() == 0);
    const Tier tier = limit == Enforcement::kObserve ? Tier::kMonitor : Tier::kIsolate;
    CHECK(t.service().tiers.tier({21, 1}) == tier);
    policy.enforcement_limit = Enforcement::kEnforce;
    t.put(policy);
    CHECK(t.asked(kPay) == (limit == Enforcement::kObserve ? 0U : kAll));
    CHECK(t.service().enforceable);
  }
}

TEST_CASE("a rule for a user holds for services of that user alone") {
  for (const bool own : {true, false}) {
    Rule rule = rule_for("shop/*", Enforcement::kEnforce);
    rule.match.uid = own ? ::getuid() : ::getuid() + 1;
    Ruled t(with(Enforcement::kShadow, {rule}));
    CHECK(t.asked(kPay) == (own ? kAll : 0U));
    CHECK(t.service().enforceable == own);
  }
}

TEST_CASE("what may not migrate stays on its workers, also at Isolate") {
  Rule rule = rule_for("shop/pay");
  rule.may_migrate = false;
  Ruled t(with(Enforcement::kEnforce, {rule}));
  CHECK(t.asked(kRender) == kAll);
  CHECK(t.asked(kPay) == (PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD));
  CHECK(t.service().tiers.tier({21, 1}) == Tier::kIsolate);
}

TEST_CASE("a class's weight comes to its word with the policy") {
  Rule rule = rule_for("shop/pay");
  rule.weight = 300;
  Ruled t(with(Enforcement::kEnforce, {rule}));
  CHECK((t.d().classes[kPay] >> PULSED_WORD_WEIGHT_SHIFT & PULSED_WORD_WEIGHT_MASK) == 300);
  CHECK((t.d().classes[kRender] >> PULSED_WORD_WEIGHT_SHIFT & PULSED_WORD_WEIGHT_MASK) == 0);
}

TEST_CASE("threads stay demoted under a policy that says the same of their class") {
  if (!act::may_set_priorities()) return;
  Ruled t(with(Enforcement::kEnforce));
  t.burn(kRender);
  t.burn(kPay);
  REQUIRE(t.nice(kRender) == 13);
  REQUIRE(t.nice(kPay) == 13);
  const std::uint64_t demotions = t.service().holds.demotions;
  Policy other = with(Enforcement::kEnforce, {rule_for("elsewhere/*", Enforcement::kShadow)});
  other.defaults.reports_per_minute = 3;
  t.put(other);
  CHECK(t.nice(kRender) == 13);
  CHECK(t.held.demoted() == 2);
  t.held.answer(t.service(), t.now());
  CHECK(t.service().holds.demotions == demotions);
}

TEST_CASE("threads of a class that is enforced no more are put back, and no others") {
  if (!act::may_set_priorities()) return;
  Ruled t(with(Enforcement::kEnforce));
  t.burn(kRender);
  t.burn(kPay);
  REQUIRE(t.d().workers[1].yield_start != 0);
  t.put(with(Enforcement::kEnforce, {rule_for("shop/pay", Enforcement::kShadow)}));
  CHECK(t.nice(kRender) == 13);
  CHECK(t.nice(kPay) == 0);
  CHECK(t.d().workers[0].yield_start != 0);
  CHECK(t.d().workers[1].yield_start == 0);
  t.held.answer(t.service(), t.now());
  CHECK(t.nice(kPay) == 0);
}

TEST_CASE("another demote_to puts threads back, to be lowered to it") {
  if (!act::may_set_priorities()) return;
  Ruled t(with(Enforcement::kEnforce));
  t.burn(kPay);
  Rule rule = rule_for("shop/pay");
  rule.set.demote_to = policy::OsPriority{policy::OsPriority::Kind::kNice, 7};
  t.put(with(Enforcement::kEnforce, {rule}));
  CHECK(t.nice(kPay) == 0);
  t.held.answer(t.service(), t.now());
  CHECK(t.nice(kPay) == 7);
}

TEST_CASE("a poll that goes over to a class in shadow has its thread back") {
  if (!act::may_set_priorities()) return;
  Ruled t(with(Enforcement::kEnforce, {rule_for("shop/pay", Enforcement::kShadow)}));
  t.burn(kRender);
  REQUIRE(t.nice(kRender) == 13);
  const std::uint64_t start = t.s().lines[0].start;
  __atomic_store_n(&t.s().lines[0].task, AttachedByHand::ref(20, 1, kPay, PULSED_KIND_POLL),
                   __ATOMIC_RELEASE);
  t.tick();
  REQUIRE(t.service().workers[0].current.start == start);
  t.held.answer(t.service(), t.now());
  CHECK(t.nice(kRender) == 0);
}

TEST_CASE("a poll that goes over to a class in shadow is asked no more to yield") {
  Ruled t(with(Enforcement::kEnforce, {rule_for("shop/pay", Enforcement::kShadow)}));
  t.burn(kRender);
  REQUIRE(t.d().workers[0].yield_start != 0);
  __atomic_store_n(&t.s().lines[0].task, AttachedByHand::ref(20, 1, kPay, PULSED_KIND_POLL),
                   __ATOMIC_RELEASE);
  t.tick();
  CHECK(t.d().workers[0].yield_start == 0);
}

TEST_CASE("a pin holds the classes of its name at once, and those that come later") {
  Ruled t(with(Enforcement::kEnforce));
  t.policies.pin({{"test", "shop/pay"}, Tier::kWarn}, t.services());
  CHECK_FALSE(t.policies.go_on(t.services(), t.now()));  // no policy came to hold
  t.act();
  CHECK(t.asked(kPay) == PULSED_DIRECTIVE_MEASURE);
  CHECK(t.service().tiers.tier({21, 1}) == Tier::kWarn);
  CHECK(t.asked(kRender) == kAll);
  collect::ClassView later;
  later.name = "shop/pay";
  CHECK(t.policies.of(t.service(), later).pinned == Tier::kWarn);
  later.name = "shop/ship";
  CHECK_FALSE(t.policies.of(t.service(), later).pinned.has_value());
  t.put(with(Enforcement::kShadow));  // a pin outlives policies
  CHECK(t.service().tiers.tier({21, 1}) == Tier::kWarn);
  CHECK(t.asked(kPay) == 0);
  t.policies.pin({{"test", "shop/pay"}, std::nullopt}, t.services());
  CHECK_FALSE(t.policies.go_on(t.services(), t.now()));
  CHECK_FALSE(t.service().tiers.policy(policy::ClassId{kPay}).pinned.has_value());
}

TEST_CASE("a pin of another service's class of that name is not ours") {
  Ruled t(with(Enforcement::kEnforce));
  t.policies.pin({{"other", "shop/pay"}, Tier::kWarn}, t.services());
  CHECK_FALSE(t.policies.go_on(t.services(), t.now()));
  CHECK(t.service().tiers.tier({21, 1}) == Tier::kIsolate);
}

TEST_CASE("under observe a pin moves nothing, and it holds once the class is let go") {
  Ruled t(with(Enforcement::kShadow));
  t.policies.pin({{"test", "shop/pay"}, Tier::kYield}, t.services());
  t.put(with(Enforcement::kObserve));
  CHECK(t.service().tiers.tier({21, 1}) == Tier::kMonitor);
  t.put(with(Enforcement::kShadow));
  CHECK(t.service().tiers.tier({21, 1}) == Tier::kYield);
}

}  // namespace
}  // namespace pulsed
