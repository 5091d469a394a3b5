#include "daemon/policy/policy.h"

#include <doctest/doctest.h>

namespace pulsed::policy {
using namespace std::chrono_literals;

TEST_CASE("the profiles are those of the table") {
  const TierFields b = profile_fields(Profile::kBalanced);
  CHECK(b.poll_budget == 1ms);
  CHECK(b.promotion_threshold == PerPromotion<std::uint32_t>{5, 3, 2});
  CHECK(b.promotion_cpu == PerPromotion<Duration>{10ms, 6ms, 3ms});
  CHECK(b.slow_poll == 2ms);
  CHECK(b.promotion_slow_polls == PerPromotion<std::uint32_t>{3, 2, 1});
  CHECK(b.window == 1s);
  CHECK(b.emergency_poll == 5ms);
  CHECK(b.demotion_good_polls == PerTier<std::uint32_t>{100, 75, 50, 25});
  CHECK(b.good_poll == PerTier<Duration>{100us, 200us, 500us, 1000us});
  CHECK(b.demotion_min_stay == PerTier<Duration>{5s, 3s, 2s, 10s});
  CHECK(b.demotion_quiet == 2s);
  CHECK(b.promotion_hysteresis == 100ms);
  CHECK(b.demotion_hysteresis == 500ms);
  CHECK(b.cooldown_changes == 4);
  CHECK(b.cooldown_window == 10s);
  CHECK(b.cooldown == 5s);
  CHECK(b.class_share == 0.5);
  CHECK(b.reports_per_minute == 5);
  CHECK(b.max_tier == Tier::kIsolate);
  CHECK(b.long_poll == 10ms);
  CHECK(b.spare_after == 1ms);
  CHECK(b.max_spare_workers == kAsManyAsWorkers);
  CHECK(b.demote_after == 1ms);
  CHECK(b.demote_to == OsPriority{OsPriority::Kind::kNice, 13});
  CHECK(b.min_share == 0.02);

  const TierFields a = profile_fields(Profile::kAggressive);
  CHECK(a.poll_budget == 500us);
  CHECK(a.emergency_poll == 2ms);
  CHECK(a.promotion_threshold == PerPromotion<std::uint32_t>{2, 3, 3});
  CHECK(a.demotion_good_polls == PerTier<std::uint32_t>{30, 40, 50, 100});
  CHECK(a.promotion_hysteresis == 50ms);
  CHECK(a.demotion_hysteresis == 200ms);
  CHECK(a.long_poll == 10ms);
  CHECK(a.spare_after == 500us);
  CHECK(a.demote_after == 500us);

  const TierFields p = profile_fields(Profile::kPermissive);
  CHECK(p.poll_budget == 5ms);
  CHECK(p.emergency_poll == 50ms);
  CHECK(p.promotion_threshold == PerPromotion<std::uint32_t>{10, 15, 20});
  CHECK(p.demotion_good_polls == PerTier<std::uint32_t>{10, 15, 20, 25});
  CHECK(p.promotion_hysteresis == 1000ms);
  CHECK(p.demotion_hysteresis == 2000ms);
  CHECK(p.long_poll == 50ms);
  CHECK(p.spare_after == 5ms);
  CHECK(p.demote_after == 5ms);
}

TEST_CASE("priority scales budget and promotion thresholds by 4, 2, 1 and a half") {
  const TierFields f = profile_fields(Profile::kBalanced);
  CHECK(scaled(f, Priority::kCritical).poll_budget == 4ms);
  CHECK(scaled(f, Priority::kHigh).poll_budget == 2ms);
  CHECK(scaled(f, Priority::kNormal) == f);
  CHECK(scaled(f, Priority::kLow).poll_budget == 500us);
  using Thresholds = PerPromotion<std::uint32_t>;
  CHECK(scaled(f, Priority::kCritical).promotion_threshold == Thresholds{20, 12, 8});
  CHECK(scaled(f, Priority::kHigh).promotion_threshold == Thresholds{10, 6, 4});
  CHECK(scaled(f, Priority::kLow).promotion_threshold == Thresholds{2, 1, 1});
}

TEST_CASE("a threshold of one stays one for priority low") {
  TierFields f = profile_fields(Profile::kBalanced);
  f.promotion_threshold = {1, 1, 1};
  CHECK(scaled(f, Priority::kLow).promotion_threshold == PerPromotion<std::uint32_t>{1, 1, 1});
}

TEST_CASE(
    "in every profile and priority the limits stand in order: good, budget, slow, emergency") {
  for (const Profile profile : {Profile::kBalanced, Profile::kAggressive, Profile::kPermissive}) {
    for (std::size_t p = 0; p < kPriorityCount; ++p) {
      const TierFields f = scaled(profile_fields(profile), Priority{static_cast<uint8_t>(p)});
      for (const Duration good : f.good_poll) CHECK(good <= f.poll_budget);
      CHECK(f.slow_poll >= f.poll_budget);
      CHECK(f.emergency_poll > f.poll_budget);
    }
  }
  CHECK(scaled(profile_fields(Profile::kAggressive), Priority::kCritical).emergency_poll == 8ms);
  CHECK(scaled(profile_fields(Profile::kBalanced), Priority::kLow).emergency_poll == 5ms);
}

TEST_CASE(
    "for each field the first rule that matches and sets it wins, then defaults, then the "
    "profile") {
  Policy policy;
  policy.profile = Profile::kAggressive;
  policy.defaults.window = 3s;
  policy.rules.resize(3);
  policy.rules[0].match.task_class = "checkout/*";
  policy.rules[0].set.poll_budget = 700us;
  policy.rules[1].set.poll_budget = 900us;
  policy.rules[1].set.cooldown = 9s;
  policy.rules[2].match.service = "shop";
  policy.rules[2].priority = Priority::kHigh;

  const ClassPolicy render = resolve(policy, {"web", "checkout/render"}, Priority::kNormal);
  CHECK(render.priority == Priority::kNormal);
  CHECK(render.fields.poll_budget == 700us);
  CHECK(render.fields.cooldown == 9s);
  CHECK(render.fields.window == 3s);
  CHECK(render.fields.emergency_poll == 2ms);

  CHECK(resolve(policy, {"web", "search"}, Priority::kNormal).fields.poll_budget == 900us);
  const ClassPolicy shop = resolve(policy, {"shop", "search"}, Priority::kLow);
  CHECK(shop.priority == Priority::kHigh);
  CHECK(shop.fields.poll_budget == 1800us);
}

TEST_CASE("every override reaches its field") {
  const TierFields b = profile_fields(Profile::kBalanced);
  const auto differs = [&](auto&& set) {
    Policy policy;
    set(policy.defaults);
    return resolve(policy, {"s", "c"}, Priority::kNormal).fields != b;
  };
  CHECK(differs([](TierOverrides& o) { o.poll_budget = 1500us; }));
  CHECK(differs([](TierOverrides& o) { o.promotion_threshold = {9, 9, 9}; }));
  CHECK(differs([](TierOverrides& o) { o.promotion_cpu = {9ms, 9ms, 9ms}; }));
  CHECK(differs([](TierOverrides& o) { o.slow_poll = 3ms; }));
  CHECK(differs([](TierOverrides& o) { o.promotion_slow_polls = {9, 9, 9}; }));
  CHECK(differs([](TierOverrides& o) { o.window = 2s; }));
  CHECK(differs([](TierOverrides& o) { o.emergency_poll = 9ms; }));
  CHECK(differs([](TierOverrides& o) { o.demotion_good_polls = {9, 9, 9, 9}; }));
  CHECK(differs([](TierOverrides& o) { o.good_poll = {9us, 9us, 9us, 9us}; }));
  CHECK(differs([](TierOverrides& o) { o.demotion_min_stay = {9s, 9s, 9s, 9s}; }));
  CHECK(differs([](TierOverrides& o) { o.demotion_quiet = 9s; }));
  CHECK(differs([](TierOverrides& o) { o.promotion_hysteresis = 9s; }));
  CHECK(differs([](TierOverrides& o) { o.demotion_hysteresis = 9s; }));
  CHECK(differs([](TierOverrides& o) { o.cooldown_changes = 9; }));
  CHECK(differs([](TierOverrides& o) { o.cooldown_window = 9s; }));
  CHECK(differs([](TierOverrides& o) { o.cooldown = 9s; }));
  CHECK(differs([](TierOverrides& o) { o.class_share = 0.9; }));
  CHECK(differs([](TierOverrides& o) { o.reports_per_minute = 9; }));
  CHECK(differs([](TierOverrides& o) { o.max_tier = Tier::kWarn; }));
  CHECK(differs([](TierOverrides& o) { o.long_poll = 9ms; }));
  CHECK(differs([](TierOverrides& o) { o.spare_after = 9ms; }));
  CHECK(differs([](TierOverrides& o) { o.max_spare_workers = 9; }));
  CHECK(differs([](TierOverrides& o) { o.demote_after = 9ms; }));
  CHECK(differs([](TierOverrides& o) { o.demote_to = {OsPriority::Kind::kIdle}; }));
  CHECK(differs([](TierOverrides& o) { o.demote_to = {OsPriority::Kind::kNice, 9}; }));
  CHECK(differs([](TierOverrides& o) { o.min_share = 0.9; }));
  CHECK_FALSE(differs([](TierOverrides&) {}));
}

TEST_CASE(
    "weight, may_migrate, enforcement and priority hold as the first rule that sets them says") {
  Policy policy;
  policy.enforcement = Enforcement::kObserve;
  policy.rules.resize(2);
  policy.rules[0].match.task_class = "a*";
  policy.rules[0].match.uid = 1000;
  Rule& first = policy.rules[0];
  Rule& second = policy.rules[1];
  second.weight = 50;
  second.may_migrate = true;
  second.enforcement = Enforcement::kShadow;
  second.priority = Priority::kLow;
  const auto now = [&] { return resolve(policy, {"s", "ab", 1000}, Priority::kNormal); };

  CHECK(now().weight == 50);
  first.weight = 300;
  CHECK(now().weight == 300);
  CHECK(now().may_migrate);
  first.may_migrate = false;
  CHECK_FALSE(now().may_migrate);
  CHECK(now().enforcement == Enforcement::kShadow);
  first.enforcement = Enforcement::kEnforce;
  CHECK(now().enforcement == Enforcement::kEnforce);
  CHECK(now().priority == Priority::kLow);
  first.priority = Priority::kHigh;
  CHECK(now().priority == Priority::kHigh);

  const ClassPolicy other = resolve(policy, {"s", "b", 1000}, Priority::kNormal);
  CHECK(other.weight == 50);
  CHECK(other.may_migrate);
  CHECK(other.enforcement == Enforcement::kShadow);
}

TEST_CASE(
    "without rules a class has the policy's enforcement, the ordinary weight, and may migrate") {
  Policy policy;
  for (const Enforcement e : {Enforcement::kObserve, Enforcement::kShadow, Enforcement::kEnforce}) {
    policy.enforcement = e;
    const ClassPolicy built_in = resolve(policy, {"s", "c"}, Priority::kHigh);
    CHECK(built_in.enforcement == e);
    CHECK(built_in.weight == kOrdinaryWeight);
    CHECK(built_in.may_migrate);
    CHECK(built_in.priority == Priority::kHigh);
    CHECK_FALSE(built_in.pinned.has_value());
  }
}

TEST_CASE("a rule that names a user holds for that user alone") {
  Policy policy;
  policy.rules.resize(1);
  policy.rules[0].match.uid = 0;
  policy.rules[0].weight = 300;
  CHECK(resolve(policy, {"s", "c", 0}, Priority::kNormal).weight == 300);
  CHECK(resolve(policy, {"s", "c", 1}, Priority::kNormal).weight == kOrdinaryWeight);
  CHECK(resolve(policy, {"s", "c"}, Priority::kNormal).weight == kOrdinaryWeight);
}

TEST_CASE("the enforcement limit holds down the policy and every rule, and raises nothing") {
  Policy policy;
  policy.enforcement = Enforcement::kEnforce;
  policy.rules.resize(2);
  policy.rules[0].match.task_class = "enforced";
  policy.rules[0].enforcement = Enforcement::kEnforce;
  policy.rules[1].match.task_class = "observed";
  policy.rules[1].enforcement = Enforcement::kObserve;
  const auto of = [&](std::string_view cls) {
    return resolve(policy, {"s", cls}, Priority::kNormal).enforcement;
  };
  CHECK(of("any") == Enforcement::kEnforce);
  policy.enforcement_limit = Enforcement::kShadow;
  CHECK(of("any") == Enforcement::kShadow);
  CHECK(of("enforced") == Enforcement::kShadow);
  CHECK(of("observed") == Enforcement::kObserve);
  policy.enforcement_limit = Enforcement::kObserve;
  CHECK(of("enforced") == Enforcement::kObserve);
}

}  // namespace pulsed::policy
