#include "daemon/config/policy_yaml.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "daemon/config/file_text.h"
#include "daemon/policy/field_table.h"
#include "shared_memory/abi.h"
#include "tests/daemon/config/policy_reading.h"

namespace pulsed::config {
namespace {

using namespace std::chrono_literals;

TEST_CASE("an empty policy is the built-in one") { CHECK(good("") == policy::Policy{}); }

TEST_CASE("the example policy names every field, with its default") {
  const auto file = read_file(PULSED_SOURCE_DIR "/deploy/examples/policy.yaml");
  REQUIRE(file.text);
  const policy::Policy example = good(*file.text);
  CHECK(example == spelled_out(policy::Policy{}));
}

TEST_CASE("the example policy explains every field of a rule") {
  const std::string yaml = *read_file(PULSED_SOURCE_DIR "/deploy/examples/policy.yaml").text;
  policy::for_each_rule_field([&](const auto& field) {
    CHECK(yaml.find("\n#   " + std::string(field.name) + "  ") != yaml.npos);
  });
  for (const std::string key : {"\nenforcement: ", "\nenforcement_limit: ", "\nprofile: "}) {
    CHECK(yaml.find(key) != yaml.npos);
  }
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
  REQUIRE(policy.rules.size() == 3);
  CHECK(policy.rules[0].set.max_tier == policy::Tier::kYield);
  CHECK(policy.rules[1].match.uid == 1000);
  CHECK(policy.rules[2].may_migrate == false);
}

TEST_CASE("every field of a rule is read, and prints as it was") {
  const policy::Policy policy = good(R"(
enforcement: enforce
profile: aggressive
rules:
  - match: {service: "shop*", class: 'checkout/?'}
    priority: critical
    weight: 250
    may_migrate: false
    enforcement: observe
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
    long_poll: 13ms
    spare_after: 14ms
    max_spare_workers: 15
    demote_after: 16ms
    demote_to: 17
    min_share: 0.125
)");
  CHECK(policy.enforcement == policy::Enforcement::kEnforce);
  CHECK(policy.profile == policy::Profile::kAggressive);
  REQUIRE(policy.rules.size() == 1);
  const policy::Rule& rule = policy.rules[0];
  CHECK(rule.match == policy::Match{"shop*", "checkout/?"});
  CHECK(rule.priority == policy::Priority::kCritical);
  CHECK(rule.weight == 250);
  CHECK(rule.may_migrate == false);
  CHECK(rule.enforcement == policy::Enforcement::kObserve);
  CHECK(rule.set.poll_budget == 1500us);
  CHECK(rule.set.promotion_threshold == policy::PerPromotion<std::uint32_t>{10, 6, 4});
  CHECK(rule.set.promotion_cpu == policy::PerPromotion<policy::Duration>{3ms, 2ms, 1ms});
  CHECK(rule.set.demotion_min_stay == policy::PerTier<policy::Duration>{0s, 1s, 2s, 3min});
  CHECK(rule.set.class_share == 0.25);
  CHECK(rule.set.max_tier == policy::Tier::kWarn);
  CHECK(rule.set.long_poll == 13ms);
  CHECK(rule.set.spare_after == 14ms);
  CHECK(rule.set.max_spare_workers == 15);
  CHECK(rule.set.demote_after == 16ms);
  CHECK(rule.set.demote_to == policy::OsPriority{policy::OsPriority::Kind::kNice, 17});
  CHECK(rule.set.min_share == 0.125);
  policy::for_each_tier_field([&](const auto& field) {
    CAPTURE(field.name);
    CHECK((rule.set.*field.set).has_value());
  });
  policy::for_each_rule_field([&](const auto& field) {
    CAPTURE(field.name);
    CHECK((rule.*field.set).has_value());
  });
  CHECK(good(to_yaml(policy)) == policy);
}

TEST_CASE("demote_to and max_spare_workers are a number or a word, and print as they were") {
  using Kind = policy::OsPriority::Kind;
  const auto read = [](const std::string& yaml) {
    const policy::Policy policy = good("defaults: {" + yaml + "}\n");
    CHECK(to_yaml(policy).ends_with("\ndefaults:\n  " + yaml + "\n"));
    CHECK(good(to_yaml(policy)) == policy);
    return policy.defaults;
  };
  CHECK(read("demote_to: none").demote_to == policy::OsPriority{Kind::kUnchanged});
  CHECK(read("demote_to: idle").demote_to == policy::OsPriority{Kind::kIdle});
  CHECK(read("demote_to: 1").demote_to == policy::OsPriority{Kind::kNice, 1});
  CHECK(read("demote_to: 19").demote_to == policy::OsPriority{Kind::kNice, 19});
  CHECK(read("max_spare_workers: workers").max_spare_workers == policy::kAsManyAsWorkers);
  CHECK(read("max_spare_workers: 0").max_spare_workers == 0);
  CHECK(read("max_spare_workers: 4096").max_spare_workers == PULSED_MAX_WORKERS);
  CHECK(good("defaults: {demote_to: \"idle\"}").defaults.demote_to ==
        policy::OsPriority{Kind::kIdle});
  // A nice value means nothing beside these.
  CHECK(policy::OsPriority{Kind::kIdle, 5} == policy::OsPriority{Kind::kIdle, 7});
  CHECK(policy::OsPriority{Kind::kNice, 5} != policy::OsPriority{Kind::kNice, 7});
  CHECK(policy::OsPriority{Kind::kNice, 5} != policy::OsPriority{Kind::kIdle, 5});
}

TEST_CASE("what is neither the number nor the word is answered with all that is allowed") {
  const auto at = [](const std::string& yaml) { return faults("defaults:\n  " + yaml + "\n"); };
  const std::string priority = " is not none, idle or a nice value from 1 to 19";
  CHECK(at("demote_to: idel") ==
        "p:2:14: `demote_to`: `idel`" + priority + "; did you mean `idle`?\n");
  for (const std::string wrong : {"0", "20", "-5", "+13", "13.0", "013", "4294967309", "nice"}) {
    CAPTURE(wrong);
    CHECK(at("demote_to: " + wrong).starts_with("p:2:14: `demote_to`: `" + wrong + "`" + priority));
  }
  CHECK(at("demote_to: \"13\"") ==
        "p:2:14: `demote_to`: expected none, idle or a nice value from 1 to 19, found text in "
        "quotes\n");
  CHECK(at("demote_to: [13]") ==
        "p:2:14: `demote_to`: expected none, idle or a nice value from 1 to 19, found a list\n");
  CHECK(at("demote_to: null") == "p:2:3: `demote_to` has no value; give one or leave it out\n");
  const std::string spares = " is not workers or a number from 0 to 4096";
  CHECK(at("max_spare_workers: worker") ==
        "p:2:22: `max_spare_workers`: `worker`" + spares + "; did you mean `workers`?\n");
  for (const std::string wrong : {"4097", "4294967295", "-1", "1s", "99999999999999999999"}) {
    CAPTURE(wrong);
    CHECK(at("max_spare_workers: " + wrong) ==
          "p:2:22: `max_spare_workers`: `" + wrong + "`" + spares + "\n");
  }
  CHECK(at("min_share: 2%") ==
        "p:2:14: `min_share`: `2%` is a percentage; write for example `0.5`\n");
  CHECK(at("min_share: 0") == "p:2:14: `min_share`: `0` is out of range; above 0, at most 1\n");
  CHECK(at("spare_after: 0ms") ==
        "p:2:16: `spare_after`: `0ms` is out of range; from 1ns to 24h\n");
  CHECK(at("demote_afer: 1ms") ==
        "p:2:3: unknown key `demote_afer` in `defaults`; did you mean `demote_after`?\n");
}

TEST_CASE("a policy with quotes, backslashes and empty matches prints as it was") {
  policy::Policy policy;
  policy.rules.push_back({{"a\"b\\c", ""}, policy::Priority::kLow, {}});
  policy.rules.push_back({{"é*", "~"}, policy::Priority::kHigh, {}});
  policy.rules.push_back({{"", "", 4'294'967'294}, policy::Priority::kHigh, {}});
  policy.rules.push_back({{"", ""}, policy::Priority::kHigh, {}});
  CHECK(good(to_yaml(policy)) == policy);
}

TEST_CASE("a spelled-out policy means the same") {
  const policy::Policy policy = good("profile: permissive\ndefaults: {window: 3s}\n");
  const policy::Policy full = spelled_out(policy);
  CHECK(full.defaults.window == 3s);
  CHECK(policy::resolve(full, {"s", "c"}, policy::Priority::kHigh).fields ==
        policy::resolve(policy, {"s", "c"}, policy::Priority::kHigh).fields);
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
        "p:2:5: a rule that sets nothing; give it a field, or remove it\n");
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
  for (std::size_t i = 0; i < kMostRules; ++i) {
    yaml += "  - {match: {uid: " + std::to_string(i) + "}, priority: low}\n";
  }
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

TEST_CASE("what is done in flight is set by service and class, as everything else") {
  const policy::Policy policy = good(R"(
defaults: {demote_to: idle, max_spare_workers: 3}
rules:
  - match: {service: shop, class: "checkout/*"}
    demote_to: none
    spare_after: 3ms
  - match: {service: shop}
    demote_to: 5
    long_poll: 20ms
    demote_after: 2ms
    min_share: 0.1
)");
  using Kind = policy::OsPriority::Kind;
  const auto of = [&](std::string_view service, std::string_view cls) {
    return policy::resolve(policy, {service, cls}, policy::Priority::kNormal).fields;
  };
  CHECK(of("shop", "checkout/pay").demote_to == policy::OsPriority{Kind::kUnchanged});
  CHECK(of("shop", "checkout/pay").spare_after == 3ms);
  CHECK(of("shop", "checkout/pay").long_poll == 20ms);
  CHECK(of("shop", "search").demote_to == policy::OsPriority{Kind::kNice, 5});
  CHECK(of("shop", "search").spare_after == 1ms);
  CHECK(of("shop", "search").demote_after == 2ms);
  CHECK(of("shop", "search").min_share == 0.1);
  CHECK(of("blog", "checkout/pay").demote_to == policy::OsPriority{Kind::kIdle});
  CHECK(of("blog", "search").max_spare_workers == 3);
  CHECK(of("blog", "search").demote_after == 1ms);
}

}  // namespace
}  // namespace pulsed::config
