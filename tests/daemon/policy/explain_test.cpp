#include "daemon/policy/explain.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace pulsed::policy {
namespace {

using namespace std::chrono_literals;

constexpr Origin in_rule(std::uint32_t rule) { return {Place::kRule, rule}; }

std::size_t place_of(std::string_view name) {
  std::size_t at = 0;
  std::size_t found = kFieldCount;
  const auto look = [&](const auto& field) {
    if (field.name == name) found = at;
    ++at;
  };
  for_each_tier_field(look);
  for_each_rule_field(look);
  REQUIRE(found < kFieldCount);
  return found;
}

Origin origin(const Explanation& why, std::string_view name) { return why.origins[place_of(name)]; }

TEST_CASE(
    "without rules and defaults all comes from the profile, the registration and the built-in "
    "policy") {
  const Explanation why = explain({}, {"s", "c"}, Priority::kHigh);
  for_each_tier_field(
      [&](const auto& field) { CHECK(origin(why, field.name) == Origin{Place::kProfile}); });
  CHECK(origin(why, "priority") == Origin{Place::kRegistration});
  CHECK(origin(why, "weight") == Origin{Place::kBuiltIn});
  CHECK(origin(why, "may_migrate") == Origin{Place::kBuiltIn});
  CHECK(origin(why, "enforcement") == Origin{Place::kEnforcement});
  CHECK_FALSE(why.held_down.has_value());
  CHECK(why.unscaled == profile_fields(Profile::kBalanced));
  CHECK(why.holds.fields == scaled(why.unscaled, Priority::kHigh));
}

TEST_CASE("a field comes from the first rule that matches and sets it, then from the defaults") {
  Policy policy;
  policy.defaults.window = 3s;
  policy.defaults.cooldown = 3s;
  policy.rules.resize(3);
  policy.rules[0].match.service = "other";
  policy.rules[0].set.window = 9s;
  policy.rules[1].set.cooldown = 8s;
  policy.rules[1].weight = 7;
  policy.rules[2].set.cooldown = 7s;
  policy.rules[2].set.slow_poll = 6ms;
  policy.rules[2].may_migrate = false;
  policy.rules[2].priority = Priority::kLow;
  policy.rules[2].enforcement = Enforcement::kEnforce;
  const Explanation why = explain(policy, {"s", "c"}, Priority::kHigh);
  CHECK(origin(why, "window") == Origin{Place::kDefaults});
  CHECK(origin(why, "cooldown") == in_rule(1));
  CHECK(origin(why, "slow_poll") == in_rule(2));
  CHECK(origin(why, "poll_budget") == Origin{Place::kProfile});
  CHECK(origin(why, "weight") == in_rule(1));
  CHECK(origin(why, "may_migrate") == in_rule(2));
  CHECK(origin(why, "priority") == in_rule(2));
  CHECK(origin(why, "enforcement") == in_rule(2));
  CHECK(why.holds.fields.cooldown == 8s);
}

TEST_CASE("what the limit holds down is told with who had asked for it") {
  Policy policy;
  policy.enforcement = Enforcement::kEnforce;
  policy.enforcement_limit = Enforcement::kShadow;
  Explanation why = explain(policy, {"s", "c"}, Priority::kNormal);
  CHECK(origin(why, "enforcement") == Origin{Place::kEnforcementLimit});
  using HeldDown = Explanation::HeldDown<Enforcement>;
  CHECK(why.held_down == HeldDown{Enforcement::kEnforce, {Place::kEnforcement}});
  policy.rules.resize(1);
  policy.rules[0].enforcement = Enforcement::kEnforce;
  CHECK(explain(policy, {"s", "c"}, Priority::kNormal).held_down ==
        HeldDown{Enforcement::kEnforce, in_rule(0)});
  policy.rules[0].enforcement = Enforcement::kShadow;
  why = explain(policy, {"s", "c"}, Priority::kNormal);
  CHECK(origin(why, "enforcement") == in_rule(0));
  CHECK_FALSE(why.held_down.has_value());
}

TEST_CASE("under observe no tier above monitor holds, by the place that says observe") {
  using HeldDown = Explanation::HeldDown<Tier>;
  Policy policy;
  policy.enforcement = Enforcement::kEnforce;
  policy.defaults.max_tier = Tier::kYield;
  policy.rules.resize(1);
  policy.rules[0].enforcement = Enforcement::kObserve;
  Explanation why = explain(policy, {"s", "c"}, Priority::kHigh);
  CHECK(why.holds.fields.max_tier == Tier::kMonitor);
  CHECK(origin(why, "max_tier") == in_rule(0));
  CHECK(why.max_tier_held_down == HeldDown{Tier::kYield, {Place::kDefaults}});
  policy.enforcement_limit = Enforcement::kObserve;
  policy.rules.clear();
  why = explain(policy, {"s", "c"}, Priority::kHigh);
  CHECK(origin(why, "max_tier") == Origin{Place::kEnforcementLimit});
  CHECK(resolve(policy, {"s", "c"}, Priority::kHigh).fields.max_tier == Tier::kMonitor);
  policy.enforcement_limit = Enforcement::kShadow;
  why = explain(policy, {"s", "c"}, Priority::kHigh);
  CHECK(why.holds.fields.max_tier == Tier::kYield);
  CHECK_FALSE(why.max_tier_held_down.has_value());
}

// The value that the place an origin names says for one field, or nothing if it says none.
template <typename Field>
auto said_by(const Policy& policy, const Field& field, Origin origin) {
  using Value = std::remove_cvref_t<decltype(*(TierOverrides{}.*field.set))>;
  switch (origin.place) {
    case Place::kRule:
      return policy.rules.at(origin.rule).set.*field.set;
    case Place::kDefaults:
      return policy.defaults.*field.set;
    case Place::kProfile:
      return std::optional<Value>(profile_fields(policy.profile).*field.value);
    default:
      return std::optional<Value>();
  }
}

TEST_CASE("every origin is a place that says just what holds before scaling, in random policies") {
  std::mt19937 random(5'002);
  const auto below = [&](std::size_t n) { return random() % n; };
  const std::array<std::string, 5> globs{"", "a", "a*", "?", "b*"};
  for (int trial = 0; trial < 500; ++trial) {
    Policy policy;
    policy.profile = static_cast<Profile>(below(kProfileCount));
    policy.rules.resize(below(5));
    const auto fill = [&](TierOverrides& set) {
      for_each_tier_field([&](const auto& field) {
        const auto profile = static_cast<Profile>(below(kProfileCount));
        if (below(3) == 0) set.*field.set = profile_fields(profile).*field.value;
      });
    };
    fill(policy.defaults);
    for (Rule& rule : policy.rules) {
      rule.match = {globs[below(globs.size())], globs[below(globs.size())], {}};
      fill(rule.set);
    }
    const Explanation why = explain(policy, {"a", "ab"}, Priority::kLow);
    std::size_t at = 0;
    for_each_tier_field([&](const auto& field) {
      CAPTURE(field.name);
      const auto said = said_by(policy, field, why.origins[at++]);
      REQUIRE(said.has_value());
      REQUIRE(*said == why.unscaled.*field.value);
    });
    REQUIRE(why.holds.fields == resolve(policy, {"a", "ab"}, Priority::kLow).fields);
  }
}

}  // namespace
}  // namespace pulsed::policy
