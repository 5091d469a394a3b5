#include "daemon/reporter.h"

#include <doctest/doctest.h>

#include "tests/support/attached_by_hand.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using policy::Tier;
using test::AttachedByHand;

struct Reported : AttachedByHand {
  explicit Reported(bool enforce = false) : AttachedByHand(enforce) {
    add_class(1, "shop/render");
    add_worker(0);
    tick();
  }
  [[nodiscard]] policy::TierChange change(std::uint32_t slot) const {
    return {now(),
            {slot, 3},
            policy::ClassId{1},
            Tier::kMonitor,
            Tier::kIsolate,
            policy::Reason::kEmergency,
            6ms};
  }
  std::vector<Event> ended_tick() {
    const std::uint64_t before = events.last();
    reporter.end_tick();
    return *events.after(before, EventLog::kKept);
  }
  EventLog events;
  Reporter reporter{events};
};

TEST_CASE("a task's change of tier is an event that says what was done about it") {
  for (const bool enforce : {false, true}) {
    Reported t(enforce);
    t.reporter.tier_changed(t.service(), t.change(20), t.now());
    const auto events = t.ended_tick();
    REQUIRE(events.size() == 1);
    CHECK(events[0].service == "test");
    CHECK(events[0].pid == ::getpid());
    const auto& what = std::get<TierChanged>(events[0].what);
    CHECK(what.task_class == "shop/render");
    CHECK(what.task == policy::TaskId{20, 3});
    CHECK(what.from == Tier::kMonitor);
    CHECK(what.to == Tier::kIsolate);
    CHECK(what.reason == policy::Reason::kEmergency);
    CHECK(what.poll_cpu == 6ms);
    CHECK(what.enforcement ==
          (enforce ? policy::Enforcement::kEnforce : policy::Enforcement::kShadow));
  }
}

TEST_CASE("a class's change names no task") {
  Reported t;
  t.reporter.tier_changed(t.service(), t.change(policy::kNoSlot), t.now());
  const auto events = t.ended_tick();
  REQUIRE(events.size() == 1);
  CHECK_FALSE(std::get<TierChanged>(events[0].what).task.has_value());
}

TEST_CASE("a storm of changes makes so many events a tick, the rest is counted") {
  Reported t;
  for (std::uint32_t i = 0; i < Reporter::kMostOfATick + 7; ++i)
    t.reporter.tier_changed(t.service(), t.change(20), t.now());
  t.reporter.quarantined(t.service());  // is no part of the storm
  CHECK(t.ended_tick().size() == Reporter::kMostOfATick + 1);
  CHECK(t.reporter.events_left_out() == 7);
  t.reporter.tier_changed(t.service(), t.change(20), t.now());
  CHECK(t.ended_tick().size() == 1);
}

TEST_CASE("a held poll is an event with its worker and blame") {
  Reported t;
  t.begin_poll(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL), 12ms);
  t.tick();
  t.reporter.poll_held(t.service(), 0, policy::Blame::kBlocked, t.now());
  const auto events = t.ended_tick();
  REQUIRE(events.size() == 1);
  const auto& what = std::get<PollHeld>(events[0].what);
  CHECK(what.task_class == "shop/render");
  CHECK(what.worker == 0);
  CHECK(what.age >= 12ms);
  CHECK(what.blame == policy::Blame::kBlocked);
  CHECK(what.enforcement == policy::Enforcement::kShadow);
}

TEST_CASE("services that come and go, policies and pins are events") {
  Reported t;
  t.reporter.attached(t.service(), t.now());
  t.reporter.quarantined(t.service());
  t.reporter.detached(t.service(), t.now());
  policy::Policy policy;
  policy.enforcement = policy::Enforcement::kEnforce;
  policy.enforcement_limit = policy::Enforcement::kObserve;
  t.reporter.policy_in_force(policy, 42, t.now());
  t.reporter.pin_changed({{"shop", "render"}, Tier::kYield}, t.now());
  t.reporter.pin_changed({{"shop", "render"}, std::nullopt}, t.now());
  const auto events = t.ended_tick();
  REQUIRE(events.size() == 6);
  CHECK(std::get<ServiceAttached>(events[0].what).uid == ::getuid());
  CHECK(std::holds_alternative<ServiceQuarantined>(events[1].what));
  CHECK(std::holds_alternative<ServiceDetached>(events[2].what));
  CHECK(std::get<PolicyChanged>(events[3].what).revision == 42);
  // What holds at most.
  CHECK(std::get<PolicyChanged>(events[3].what).enforcement == policy::Enforcement::kObserve);
  CHECK(events[3].service.empty());
  CHECK(std::get<PinChanged>(events[4].what).tier == Tier::kYield);
  CHECK(events[4].service == "shop");
  CHECK_FALSE(std::get<PinChanged>(events[5].what).tier.has_value());
}

}  // namespace
}  // namespace pulsed
