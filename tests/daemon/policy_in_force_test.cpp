#include "daemon/policy_in_force.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/daemon/act/parked_thread.h"
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

constexpr std::uint16_t kRender = 1;
constexpr std::uint16_t kPay = 2;

Policy with(Enforcement enforcement, std::vector<Rule> rules = {}) {
  Policy policy;
  policy.enforcement = enforcement;
  policy.rules = std::move(rules);
  return policy;
}

Rule rule_for(std::string task_class, std::optional<Enforcement> enforcement = {}) {
  Rule rule;
  rule.match.task_class = std::move(task_class);
  rule.enforcement = enforcement;
  return rule;
}

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
