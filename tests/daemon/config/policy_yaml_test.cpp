#include "daemon/config/policy_yaml.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "daemon/config/file_text.h"
#include "daemon/config/policy_fields.h"

namespace pulsed::config {
namespace {

using namespace std::chrono_literals;

std::string faults(const std::string& yaml) {
  const auto outcome = read_policy(yaml, "p");
  CHECK(outcome.value.has_value() == outcome.errors.empty());
  std::string out;
  for (const ConfigError& error : outcome.errors) out += text(error) + "\n";
  return out;
}

policy::Policy good(const std::string& yaml) {
  auto outcome = read_policy(yaml, "p");
  for (const ConfigError& error : outcome.errors) FAIL_CHECK(text(error));
  REQUIRE(outcome.value);
  return *std::move(outcome.value);
}

TEST_CASE("an empty policy is the built-in one") { CHECK(good("") == policy::Policy{}); }

TEST_CASE("the example policy names every field, with its default") {
  const auto file = read_file(PULSED_SOURCE_DIR "/deploy/examples/policy.yaml");
  REQUIRE(file.text);
  const policy::Policy example = good(*file.text);
  CHECK(example == spelled_out(policy::Policy{}));
}

TEST_CASE("the rules that the example shows in a comment are good ones") {
  std::string yaml = *read_file(PULSED_SOURCE_DIR "/deploy/examples/policy.yaml").text;
  const auto begin = yaml.find("#   rules:");
  REQUIRE(begin != yaml.npos);
  yaml = yaml.substr(begin, yaml.find("\nrules: []") + 1 - begin);
  std::string uncommented;
  for (std::size_t at = 0; at < yaml.size(); at = yaml.find('\n', at) + 1) {
    uncommented += yaml.substr(at + 4, yaml.find('\n', at) + 1 - at - 4);
  }
  const policy::Policy policy = good(uncommented);
  REQUIRE(policy.rules.size() == 2);
  CHECK(policy.rules[0].set.max_tier == policy::Tier::kYield);
}

TEST_CASE("every field of the TierManager is read, and prints as it was") {
  const policy::Policy policy = good(R"(
enforcement: enforce
profile: aggressive
rules:
  - match: {service: "shop*", class: 'checkout/?'}
    priority: critical
    poll_budget: 1.5ms
    promotion_threshold: [10, 6, 4]
    promotion_cpu: {yield: 1ms, warn: 2ms, monitor: 3ms}
    slow_poll: 20ms
    promotion_slow_polls: [7, 8, 9]
    window: 2s
    emergency_poll: 30ms
    demotion_good_polls: [1, 2, 3, 4]
    good_poll: {monitor: 1us, warn: 2us, yield: 3us, isolate: 4us}
    demotion_min_stay: [0s, 1s, 2s, 3m]
    demotion_quiet: 1m
    promotion_hysteresis: 0s
    demotion_hysteresis: 7ms
    cooldown_changes: 9
    cooldown_window: 11s
    cooldown: 12s
    class_share: 0.25
    reports_per_minute: 0
    max_tier: warn
)");
  CHECK(policy.enforcement == policy::Enforcement::kEnforce);
  CHECK(policy.profile == policy::Profile::kAggressive);
  REQUIRE(policy.rules.size() == 1);
  const policy::Rule& rule = policy.rules[0];
  CHECK(rule.match == policy::Match{"shop*", "checkout/?"});
  CHECK(rule.priority == policy::Priority::kCritical);
  CHECK(rule.set.poll_budget == 1500us);
  CHECK(rule.set.promotion_threshold == policy::PerPromotion<std::uint32_t>{10, 6, 4});
  CHECK(rule.set.promotion_cpu == policy::PerPromotion<Duration>{3ms, 2ms, 1ms});
  CHECK(rule.set.demotion_min_stay == policy::PerTier<Duration>{0s, 1s, 2s, 3min});
  CHECK(rule.set.class_share == 0.25);
  CHECK(rule.set.max_tier == policy::Tier::kWarn);
  for_each_tier_field([&](const auto& field) {
    CAPTURE(field.name);
    CHECK((rule.set.*field.set).has_value());
  });
  CHECK(good(to_yaml(policy)) == policy);
}

TEST_CASE("a policy with quotes, backslashes and empty matches prints as it was") {
  policy::Policy policy;
  policy.rules.push_back({{"a\"b\\c", ""}, policy::Priority::kLow, {}});
  policy.rules.push_back({{"", ""}, policy::Priority::kHigh, {}});
  policy.rules.push_back({{"é*", "~"}, policy::Priority::kHigh, {}});
  CHECK(good(to_yaml(policy)) == policy);
}

TEST_CASE("a spelled-out policy means the same") {
  const policy::Policy policy = good("profile: permissive\ndefaults: {window: 3s}\n");
  const policy::Policy full = spelled_out(policy);
  CHECK(full.defaults.window == 3s);
  CHECK(policy::resolve(full, "s", "c", policy::Priority::kHigh).fields ==
        policy::resolve(policy, "s", "c", policy::Priority::kHigh).fields);
  CHECK(good(to_yaml(full)) == full);
}

TEST_CASE("a wrong name is answered with the right one, at its place") {
  CHECK(faults("defaults:\n  pol_budget: 5ms\n") ==
        "p:2:3: unknown key `pol_budget` in `defaults`; did you mean `poll_budget`?\n");
  CHECK(faults("enforcment: shadow\n") ==
        "p:1:1: unknown key `enforcment` in the policy; did you mean `enforcement`?\n");
  CHECK(faults("enforcement: shadowed\n") ==
        "p:1:14: `enforcement`: `shadowed` is not observe, shadow or enforce; did you mean "
        "`shadow`?\n");
  CHECK(faults("profile: [balanced]\n") ==
        "p:1:10: `profile`: expected balanced, aggressive or permissive, found a list\n");
  CHECK(faults("rules:\n  - match: {clas: x}\n    priority: low\n") ==
        "p:2:13: unknown key `clas` in `match`; did you mean `class`?\n");
  CHECK(faults("rules:\n  - match: {class: x}\n    priority: urgent\n") ==
        "p:3:15: `priority`: `urgent` is not critical, high, normal or low\n");
  CHECK(faults("defaults: {max_tier: isolated}\n") ==
        "p:1:22: `max_tier`: `isolated` is not monitor, warn, yield or isolate; did you mean "
        "`isolate`?\n");
}

TEST_CASE("a wrong value names its field and place") {
  CHECK(faults("defaults:\n  poll_budget: 5\n") ==
        "p:2:16: `poll_budget`: `5` has no unit; write for example `5ms`\n");
  CHECK(faults("defaults:\n  poll_budget: \"5ms\"\n") ==
        "p:2:16: `poll_budget`: expected a duration such as `5ms`, found text in quotes\n");
  CHECK(faults("defaults:\n  cooldown_changes: 5s\n") ==
        "p:2:21: `cooldown_changes`: `5s` is not a whole number in decimal digits\n");
  CHECK(faults("defaults:\n") == "p:1:1: `defaults` has no value; give one or leave it out\n");
  CHECK(faults("rules: {}\n") == "p:1:8: `rules`: expected a list, found a map\n");
}

TEST_CASE("a value per tier is a whole map or a whole list") {
  CHECK(faults("defaults:\n  good_poll: 1ms\n") ==
        "p:2:14: `good_poll`: has a value per tier; write a map or a list of monitor, warn, yield, "
        "isolate\n");
  CHECK(
      faults("defaults:\n  good_poll: [1ms, 2ms, 3ms]\n") ==
      "p:2:14: `good_poll`: needs 4 values, in the order monitor, warn, yield, isolate; found 3\n");
  CHECK(faults("defaults:\n  promotion_threshold: [1, 2, 3, 4]\n") ==
        "p:2:24: `promotion_threshold`: needs 3 values, in the order monitor, warn, yield; found "
        "4\n");
  CHECK(faults("defaults:\n  promotion_threshold: {monitor: 1, yeld: 2}\n") ==
        "p:2:24: `promotion_threshold`: has no value for warn, yield\n"
        "p:2:37: unknown key `yeld` in `promotion_threshold`; did you mean `yield`?\n");
  CHECK(faults("defaults:\n  promotion_threshold: [1, x, 0]\n") ==
        "p:2:28: `promotion_threshold.warn`: `x` is not a whole number in decimal digits\n"
        "p:2:31: `promotion_threshold.yield`: `0` is out of range; from 1 to 16383\n");
}

TEST_CASE("a rule needs a match and something to set") {
  CHECK(faults("rules:\n  - priority: low\n") ==
        "p:2:5: a rule needs `match`; `match: {}` is every class of every service\n");
  CHECK(faults("rules:\n  - match: {class: x}\n") ==
        "p:2:5: a rule that sets nothing; give it a priority or a field\n");
  CHECK(faults("rules: [x]\n") ==
        "p:1:9: a rule: expected a map of `key: value`, found a single value\n");
  CHECK(faults("rules:\n  - match: {class: ''}\n    priority: low\n") ==
        "p:2:20: `class`: is empty; leave it out instead\n");
  const std::string longest(kLongestGlob, 'x');
  CHECK(faults("rules:\n  - match: {class: " + longest + "}\n    priority: low\n").empty());
  CHECK(faults("rules:\n  - match: {class: " + longest + "x}\n    priority: low\n") ==
        "p:2:20: `class`: is longer than 64 bytes\n");
}

TEST_CASE("256 rules are read, 257 are refused") {
  std::string yaml = "rules:\n";
  for (std::size_t i = 0; i < kMostRules; ++i) yaml += "  - {match: {class: x}, priority: low}\n";
  CHECK(faults(yaml).empty());
  CHECK(faults(yaml + "  - {match: {}, priority: low}\n") ==
        "p:2:3: `rules`: has more than 256 rules\n");
}

TEST_CASE("all errors of a file are told at once, in its order") {
  CHECK(faults("rules:\n  - {match: {}, window: 0s, cooldwn: 1s}\nprofil: x\ndefaults: 1\n") ==
        "p:2:25: `window`: `0s` is out of range; from 1ms to 24h\n"
        "p:2:29: unknown key `cooldwn` in a rule; did you mean `cooldown`?\n"
        "p:3:1: unknown key `profil` in the policy; did you mean `profile`?\n"
        "p:4:11: `defaults`: expected a map of `key: value`, found a single value\n");
  std::string many = "defaults:\n";
  for (int i = 0; i < 30; ++i) many += "  wrong" + std::to_string(i) + ": 1\n";
  const auto outcome = read_policy(many, "p");
  REQUIRE(outcome.errors.size() == 21);
  CHECK(text(outcome.errors[20]) == "p: and 10 more errors");
}

TEST_CASE("a contradiction stands where it can be mended") {
  CHECK(
      faults("enforcement: shadow\ndefaults:\n  window: 1s\n  poll_budget: 6ms\n  slow_poll: 7ms\n")
          .starts_with("p:4:16: defaults: emergency_poll "));
  CHECK(faults("defaults:\n  emergency_poll: 1ms\n").starts_with("p:2:19: defaults: "));
  CHECK(faults("rules:\n  - {match: {}, priority: low}\n"
               "  - match: {class: a}\n    emergency_poll: 900us\n")
            .starts_with("p:4:21: rules[1]: emergency_poll "));
  CHECK(faults("rules:\n  - {match: {class: a}, poll_budget: 2ms, slow_poll: 4ms}\n"
               "  - {match: {service: b}, emergency_poll: 2ms}\n")
            .starts_with("p:3:43: rules[0] with rules[1]: emergency_poll "));
}

// A policy that sets one field alone, all its tiers to `value`, and only widens others so that no relation breaks.
template <typename T, typename Limits, typename V>
policy::Policy with(const TierField<T, Limits>& field, const V& value) {
  policy::Policy policy;
  T all{};
  if constexpr (std::is_same_v<T, V>) {
    all = value;
  } else {
    all.fill(value);
  }
  policy.defaults.*field.set = all;
  const auto budget = policy.defaults.poll_budget.value_or(1ns);
  policy.defaults.poll_budget = budget;
  if (!policy.defaults.slow_poll) policy.defaults.slow_poll = 24h;
  if (!policy.defaults.emergency_poll) policy.defaults.emergency_poll = 24h;
  // The budget's own upper end is where no emergency fits above it.
  if (budget == 24h) policy.defaults.poll_budget = budget - 1ns;
  return policy;
}

TEST_CASE("the ranges are the policy's own, at both ends of every field") {
  for_each_tier_field([&](const auto& field) {
    CAPTURE(field.name);
    const auto check = [&](auto value, bool holds) {
      const policy::Policy policy = with(field, value);
      const auto fault = policy::contradiction(policy);
      CHECK(fault.has_value() != holds);
      CHECK(faults(to_yaml(policy)).empty() == holds);
    };
    using Limits = std::remove_cvref_t<decltype(field.limits)>;
    if constexpr (std::is_same_v<Limits, DurationRange>) {
      // The least emergency is above the least budget.
      check(field.limits.least + (field.name == "emergency_poll" ? 1ns : 0ns), true);
      check(field.limits.most, true);
      if (field.limits.least > 0ns) check(field.limits.least - 1ns, false);
      if (field.name != "poll_budget") check(field.limits.most + 1ns, false);
    } else if constexpr (std::is_same_v<Limits, CountRange>) {
      check(field.limits.least, true);
      check(field.limits.most, true);
      if (field.limits.least > 0) check(field.limits.least - 1, false);
      check(field.limits.most + 1, false);
    } else if constexpr (std::is_same_v<Limits, Share>) {
      check(1.0, true);
      check(1e-300, true);
      check(0.0, false);
      check(1.0001, false);
    }
  });
}

}  // namespace
}  // namespace pulsed::config
