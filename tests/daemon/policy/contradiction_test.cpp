#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>

#include "daemon/policy/policy.h"

namespace pulsed::policy {
namespace {

using namespace std::chrono_literals;

std::string refusal(const std::function<void(TierOverrides&)>& set) {
  Policy policy;
  set(policy.defaults);
  return contradiction(policy).value_or("");
}

}  // namespace

TEST_CASE("the profiles do not contradict themselves") {
  for (const Profile profile : {Profile::kBalanced, Profile::kAggressive, Profile::kPermissive}) {
    Policy policy;
    policy.profile = profile;
    policy.rules.resize(1);
    for (std::size_t p = 0; p < kPriorityCount; ++p) {
      policy.rules[0].priority = Priority{static_cast<std::uint8_t>(p)};
      CHECK(contradiction(policy).value_or("") == "");
    }
  }
}

TEST_CASE("an emergency must be above the budget, and the refusal names both") {
  CHECK(refusal([](auto& o) { o.emergency_poll = 1ms; }) ==
        "defaults: emergency_poll 1ms is not above the poll_budget 1ms");
  CHECK(refusal([](auto& o) { o.emergency_poll = 1ms + 1ns; }) == "");
}

TEST_CASE("a slow poll is not below the budget") {
  CHECK(refusal([](auto& o) { o.slow_poll = 999us; }) ==
        "defaults: slow_poll 999us is below the poll_budget 1ms");
  CHECK(refusal([](auto& o) { o.slow_poll = 1ms; }) == "");
}

TEST_CASE("class_share is above 0 and at most 1") {
  CHECK(refusal([](auto& o) { o.class_share = 0.0; }) != "");
  CHECK(refusal([](auto& o) { o.class_share = 0.01; }) == "");
  CHECK(refusal([](auto& o) { o.class_share = 1.0; }) == "");
  CHECK(refusal([](auto& o) { o.class_share = 1.01; }) != "");
  CHECK(refusal([](auto& o) { o.class_share = -0.5; }) != "");
  CHECK(refusal([](auto& o) { o.class_share = std::numeric_limits<double>::quiet_NaN(); }) != "");
}

TEST_CASE("counts of nothing are refused, by the name of the field and the tier") {
  CHECK(refusal([](auto& o) {
          o.promotion_threshold = {5, 0, 2};
        }) == "defaults: promotion_threshold.warn 0 is outside 1 to 16383");
  CHECK(refusal([](auto& o) { o.promotion_threshold = {5, 3, 16'384}; }) != "");
  CHECK(refusal([](auto& o) { o.promotion_slow_polls = {0, 2, 1}; }) != "");
  CHECK(refusal([](auto& o) {
          o.promotion_cpu = {10ms, 6ms, 0ms};
        }) == "defaults: promotion_cpu.yield 0ns is outside 1ns to 86400s");
  CHECK(refusal([](auto& o) {
          o.demotion_good_polls = {100, 75, 50, 0};
        }) == "defaults: demotion_good_polls.isolate 0 is outside 1 to 1000000000");
  CHECK(refusal([](auto& o) { o.cooldown_changes = 0; }) != "");
  CHECK(refusal([](auto& o) { o.cooldown_changes = 201; }) != "");
  CHECK(refusal([](auto& o) { o.reports_per_minute = 0; }) == "");
  CHECK(refusal([](auto& o) { o.reports_per_minute = 60'001; }) != "");
}

TEST_CASE("lengths of nothing, below nothing and beyond a day are refused") {
  CHECK(refusal([](auto& o) { o.poll_budget = 0ns; }) != "");
  CHECK(refusal([](auto& o) { o.poll_budget = -1ns; }) != "");
  CHECK(refusal([](auto& o) { o.window = 1ms - 1ns; }) != "");
  CHECK(refusal([](auto& o) { o.window = 1ms; }) == "");
  CHECK(refusal([](auto& o) { o.window = 24h + 1ns; }) != "");
  CHECK(refusal([](auto& o) { o.slow_poll = 25h; }) != "");
  CHECK(refusal([](auto& o) { o.emergency_poll = 25h; }) != "");
  CHECK(refusal([](auto& o) { o.good_poll = {100us, 0us, 1us, 1us}; }) != "");
  CHECK(refusal([](auto& o) { o.demotion_min_stay = {0s, 0s, -1s, 0s}; }) != "");
  CHECK(refusal([](auto& o) { o.demotion_quiet = -1s; }) != "");
  CHECK(refusal([](auto& o) { o.promotion_hysteresis = -1s; }) != "");
  CHECK(refusal([](auto& o) { o.demotion_hysteresis = -1s; }) != "");
  CHECK(refusal([](auto& o) { o.cooldown_window = 0s; }) != "");
  CHECK(refusal([](auto& o) { o.cooldown = -1s; }) != "");
  CHECK(refusal([](auto& o) { o.cooldown = 0s; }) == "");
  CHECK(refusal([](auto& o) { o.max_tier = Tier{4}; }) != "");
}

TEST_CASE("what is done in flight has its ranges") {
  CHECK(refusal([](auto& o) { o.long_poll = 0ns; }) ==
        "defaults: long_poll 0ns is outside 1ns to 86400s");
  CHECK(refusal([](auto& o) { o.long_poll = 24h + 1ns; }) != "");
  CHECK(refusal([](auto& o) { o.spare_after = 0ns; }) != "");
  CHECK(refusal([](auto& o) { o.spare_after = 1ns; }) == "");
  CHECK(refusal([](auto& o) { o.demote_after = -1ns; }) != "");
  CHECK(refusal([](auto& o) { o.max_spare_workers = 0; }) == "");
  CHECK(refusal([](auto& o) { o.max_spare_workers = kAsManyAsWorkers; }) == "");
  CHECK(refusal([](auto& o) { o.max_spare_workers = 4097; }) ==
        "defaults: max_spare_workers 4097 is outside 0 to 4096");
  CHECK(refusal([](auto& o) { o.min_share = 0.0; }) ==
        "defaults: min_share 0.000000 is not above 0 and at most 1");
  CHECK(refusal([](auto& o) { o.min_share = std::numeric_limits<double>::quiet_NaN(); }) != "");
  using Kind = OsPriority::Kind;
  CHECK(refusal([](auto& o) {
          o.demote_to = {Kind::kNice, 0};
        }) == "defaults: demote_to 0 is outside 1 to 19");
  CHECK(refusal([](auto& o) { o.demote_to = {Kind::kNice, 20}; }) != "");
  CHECK(refusal([](auto& o) { o.demote_to = {Kind::kIdle, 20}; }) == "");
  CHECK(refusal([](auto& o) { o.demote_to = {Kind::kUnchanged, 0}; }) == "");
  CHECK(refusal([](auto& o) { o.demote_to.emplace().kind = Kind{3}; }) != "");
}

TEST_CASE("a demotion before the budget is burned is held to the budget, not refused") {
  CHECK(refusal([](auto& o) { o.demote_after = 1ns; }) == "");
  CHECK(refusal([](auto& o) { o.spare_after = 1h; }) == "");
}

TEST_CASE("a good poll longer than the budget is cut to it, not refused") {
  CHECK(refusal([](auto& o) { o.poll_budget = 50us; }) == "");
}

TEST_CASE("a rule is judged on top of the defaults, and named") {
  Policy policy;
  policy.defaults.poll_budget = 2ms;
  policy.rules.resize(2);
  policy.rules[0].priority = Priority::kLow;
  policy.rules[1].match.task_class = "checkout";
  policy.rules[1].set.emergency_poll = 2ms;
  CHECK(contradiction(policy).value_or("") ==
        "rules[1]: emergency_poll 2ms is not above the poll_budget 2ms");
}

TEST_CASE("two rules are judged together only where both can hold") {
  Policy policy;
  policy.rules.resize(2);
  policy.rules[0].match.task_class = "checkout/*";
  policy.rules[0].set.poll_budget = 2ms;
  policy.rules[1].match.task_class = "*/render";
  policy.rules[1].set.emergency_poll = 2ms;
  CHECK(contradiction(policy).value_or("") ==
        "rules[0] with rules[1]: emergency_poll 2ms is not above the poll_budget 2ms");
  policy.rules[1].match.task_class = "search/*";
  CHECK(contradiction(policy).value_or("") == "");
  policy.rules[1].match.task_class = "?heckout/a";
  CHECK(contradiction(policy).has_value());
  policy.rules[1].match = {"other", "checkout/a"};
  policy.rules[0].match.service = "this";
  CHECK(contradiction(policy).value_or("") == "");
}

TEST_CASE("an earlier rule hides what a later one sets") {
  Policy policy;
  policy.rules.resize(3);
  policy.rules[0].match.task_class = "a";
  policy.rules[0].set.poll_budget = 10ms;
  policy.rules[0].set.slow_poll = 20ms;
  policy.rules[0].set.emergency_poll = 50ms;
  policy.rules[1].set.emergency_poll = 6ms;
  policy.rules[2].match.task_class = "a*";
  policy.rules[2].set.emergency_poll = 1ms;
  policy.rules[2].set.window = 2s;
  CHECK(contradiction(policy).value_or("") == "");
}

TEST_CASE("rules of different users are never judged together") {
  Policy policy;
  policy.rules.resize(2);
  policy.rules[0].match.uid = 1000;
  policy.rules[0].set.poll_budget = 2ms;
  policy.rules[1].match.uid = 1001;
  policy.rules[1].set.emergency_poll = 2ms;
  CHECK(contradiction(policy).value_or("") == "");
  policy.rules[1].match.uid = 1000;
  CHECK(contradiction(policy).has_value());
  policy.rules[1].match.uid.reset();
  CHECK(contradiction(policy).has_value());
}

TEST_CASE("a value out of range is refused also where an earlier rule hides it") {
  Policy policy;
  policy.rules.resize(2);
  policy.rules[0].set.window = 2s;
  policy.rules[1].set.window = 0s;
  policy.rules[1].set.cooldown = 2s;
  CHECK(contradiction(policy).value_or("") == "rules[1]: window 0ns is outside 1ms to 86400s");
}

TEST_CASE("what a rule sets beside the fields of the TierManager has its ranges") {
  const auto refusal_of = [](const std::function<void(Rule&)>& change) {
    Policy policy;
    policy.rules.resize(1);
    policy.rules[0].set.window = 2s;
    change(policy.rules[0]);
    return contradiction(policy).value_or("");
  };
  CHECK(refusal_of([](Rule& r) { r.weight = 0; }) == "rules[0]: weight 0 is outside 1 to 1000");
  CHECK(refusal_of([](Rule& r) { r.weight = 1; }) == "");
  CHECK(refusal_of([](Rule& r) { r.weight = 1000; }) == "");
  CHECK(refusal_of([](Rule& r) { r.weight = 1001; }) != "");
  CHECK(refusal_of([](Rule& r) { r.match.uid = 4'294'967'294; }) == "");
  CHECK(refusal_of([](Rule& r) { r.match.uid = 4'294'967'295; }) ==
        "rules[0]: uid 4294967295 is outside 0 to 4294967294");
  CHECK(refusal_of([](Rule& r) { r.priority = Priority{4}; }) ==
        "rules[0]: priority is not a priority");
  CHECK(refusal_of([](Rule& r) { r.enforcement = Enforcement{3}; }) ==
        "rules[0]: enforcement is not observe, shadow or enforce");
  CHECK(refusal_of([](Rule& r) { r.match.service = std::string(kLongestGlob, 'x'); }) == "");
  CHECK(refusal_of([](Rule& r) { r.match.service = std::string(kLongestGlob + 1, 'x'); }) ==
        "rules[0]: service is longer than 64 bytes");
  const std::string no_text = "rules[0]: class is not one line of UTF-8 text";
  for (const char* text : {"a\nb", "\x7F", "\xC2\x9B", "\xFF", "a\xEF\xBB\xBF"}) {
    CHECK(refusal_of([&](Rule& r) { r.match.task_class = text; }) == no_text);
  }
}

TEST_CASE("what stands at the top of a policy has its ranges") {
  Policy policy;
  policy.enforcement = Enforcement{3};
  CHECK(contradiction(policy).value_or("") == "enforcement is not observe, shadow or enforce");
  policy = {};
  policy.enforcement_limit = Enforcement{3};
  CHECK(contradiction(policy).value_or("") ==
        "enforcement_limit is not observe, shadow or enforce");
  policy = {};
  policy.profile = Profile{3};
  CHECK(contradiction(policy).value_or("") == "profile is not a profile");
  policy = {};
  policy.rules.resize(kMostRules + 1);
  CHECK(contradiction(policy).value_or("") == "rules has more than 256 rules");
}

}  // namespace pulsed::policy
