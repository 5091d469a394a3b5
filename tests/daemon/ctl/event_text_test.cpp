#include "daemon/ctl/event_text.h"

#include <doctest/doctest.h>

namespace pulsed::ctl {
namespace {

v1::Event at_shop() {
  v1::Event event;
  event.set_service("shop");
  event.set_pid(4711);
  event.mutable_at()->set_seconds(1'000'000'000);
  event.mutable_at()->set_nanos(42'000'000);
  return event;
}

// Without the date, which is local.
std::string said(const v1::Event& event) {
  const std::string line = event_line(event, {});
  REQUIRE(line.size() > 25);
  CHECK(line.substr(19, 6) == ".042  ");
  return line.substr(25);
}

}  // namespace

TEST_CASE("a task's change of tier says why, and that shadow asked for nothing") {
  v1::Event event = at_shop();
  v1::TierChanged& change = *event.mutable_tier_changed();
  change.set_class_("checkout/pay");
  change.set_slot(17);
  change.set_generation(2);
  change.set_from(v1::TIER_WARN);
  change.set_to(v1::TIER_ISOLATE);
  change.set_reason("slow_polls");
  change.mutable_poll_cpu()->set_nanos(5'020'000);
  change.set_enforcement(v1::ENFORCEMENT_SHADOW);
  CHECK(
      said(event) ==
      "shop[4711]  checkout/pay: task 17.2 warn -> isolate, slow polls, poll used 5.02ms (shadow)");
  change.set_enforcement(v1::ENFORCEMENT_ENFORCE);
  change.set_whole_class(true);
  change.clear_class_();
  CHECK(said(event) ==
        "shop[4711]  (no class): new tasks warn -> isolate, slow polls, poll used 5.02ms");
}

TEST_CASE("a long poll says whom it holds, for how long, and what it does") {
  v1::Event event = at_shop();
  v1::PollHeld& held = *event.mutable_poll_held();
  held.set_class_("report");
  held.set_worker(3);
  held.set_thread_name("io-3");
  held.mutable_age()->set_seconds(2);
  held.mutable_cpu()->set_seconds(1);
  held.set_blame(v1::BLAME_BLOCKED);
  held.set_enforcement(v1::ENFORCEMENT_ENFORCE);
  CHECK(said(event) ==
        "shop[4711]  report: poll holds worker 3 (io-3) for 2.00s, used 1.00s, blocked");
}

TEST_CASE("the end of a long poll says how long it took, or at most took") {
  v1::Event event = at_shop();
  v1::HeldPollEnded& ended = *event.mutable_held_poll_ended();
  ended.set_class_("report");
  ended.set_worker(3);
  ended.set_thread_name("io-3");
  ended.mutable_duration()->set_nanos(20'800'000);
  ended.set_blame(v1::BLAME_BURNING);
  CHECK(said(event) ==
        "shop[4711]  report: poll on worker 3 (io-3) has ended, after 20.8ms, burning");
  ended.set_at_most(true);
  ended.clear_thread_name();
  ended.clear_blame();
  CHECK(said(event) == "shop[4711]  report: poll on worker 3 has ended, after at most 20.8ms");
  CHECK(has_class(event));
  CHECK(class_of(event) == "report");
}

TEST_CASE("what happens to services, policies and pins is one line each") {
  v1::Event event = at_shop();
  event.mutable_attached()->set_uid(1000);
  CHECK(said(event) == "shop[4711]  attached, uid 1000");
  event.mutable_detached();
  CHECK(said(event) == "shop[4711]  detached");
  event.mutable_quarantined()->set_rejected_records(12);
  CHECK(said(event) == "shop[4711]  quarantined after 12 rejected records");
  event.mutable_pin_changed()->set_class_("a");
  CHECK(said(event) == "shop[4711]  a: unpinned");
  event.mutable_pin_changed()->set_tier(v1::TIER_YIELD);
  CHECK(said(event) == "shop[4711]  a: pinned to yield");
  event.clear_service();
  event.clear_pid();
  event.mutable_policy_changed()->set_revision(7);
  event.mutable_policy_changed()->set_enforcement(v1::ENFORCEMENT_ENFORCE);
  CHECK(said(event) == "pulsed  policy revision 7 in force, enforce");
}

TEST_CASE("an event of a newer daemon is told, not hidden") {
  CHECK(said(at_shop()) == "shop[4711]  something that this pulsectl does not know");
}

TEST_CASE("names that services chose cannot add lines or move the cursor") {
  v1::Event event = at_shop();
  event.set_service("a\nb");
  event.mutable_tier_changed()->set_class_("c\x1b[1m");
  const std::string line = event_line(event, {});
  CHECK(line.find('\n') == std::string::npos);
  CHECK(line.find('\x1b') == std::string::npos);
}

TEST_CASE("only events about a class have one") {
  v1::Event event = at_shop();
  event.mutable_poll_held()->set_class_("x");
  CHECK(has_class(event));
  CHECK(class_of(event) == "x");
  event.mutable_attached();
  CHECK_FALSE(has_class(event));
  CHECK(class_of(event).empty());
}

}  // namespace pulsed::ctl
