#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "daemon/policy/explain.h"
#include "daemon/policy/match.h"

namespace pulsed::policy {
namespace {

using namespace std::chrono_literals;

Rule priority_rule(const Match& match) {
  Rule rule;
  rule.match = match;
  rule.priority = Priority::kLow;
  return rule;
}

std::string refusal(const std::vector<Rule>& rules) {
  Policy policy;
  policy.rules = rules;
  return contradiction(policy).value_or("");
}

std::string by_one(const std::string& hidden, const std::string& by) {
  return hidden + ": is never reached: " + by +
         " matches all that it matches and sets every field it sets; put it before " + by +
         ", or remove it";
}

TEST_CASE("a rule behind one that matches all it matches and sets all it sets is refused") {
  CHECK(refusal({priority_rule({}), priority_rule({"shop"})}) == by_one("rules[1]", "rules[0]"));
  CHECK(refusal({priority_rule({"shop"}), priority_rule({"s*", "a"}),
                 priority_rule({"sh?p", "a"})}) == by_one("rules[2]", "rules[1]"));
  CHECK(refusal({priority_rule({"shop"}), priority_rule({"shop"})}) ==
        by_one("rules[1]", "rules[0]"));
}

TEST_CASE("a rule behind a narrower one is reached") {
  CHECK(refusal({priority_rule({"shop"}), priority_rule({})}) == "");
  CHECK(refusal({priority_rule({"shop", "a"}), priority_rule({"shop", "?"})}) == "");
  CHECK(refusal({priority_rule({"shop*", "a"}), priority_rule({"shop", "*"})}) == "");
  CHECK(refusal({priority_rule({"", "", 1000}), priority_rule({})}) == "");
  CHECK(refusal({priority_rule({"", "", 1000}), priority_rule({"", "", 1001})}) == "");
}

TEST_CASE("a rule for one user is hidden by one for every user, and by one for that user") {
  CHECK(refusal({priority_rule({}), priority_rule({"", "", 0})}) == by_one("rules[1]", "rules[0]"));
  CHECK(refusal({priority_rule({"s*", "", 7}), priority_rule({"shop", "", 7})}) ==
        by_one("rules[1]", "rules[0]"));
}

TEST_CASE("one field that no earlier rule sets is enough to be reached, whichever it is") {
  Rule all = priority_rule({});
  for_each_tier_field([&](const auto& field) {
    all.set.*field.set = profile_fields(Profile::kBalanced).*field.value;
  });
  all.weight = 7;
  all.may_migrate = false;
  all.enforcement = Enforcement::kShadow;
  CHECK(refusal({all, all}) == by_one("rules[1]", "rules[0]"));
  const auto without = [&](std::string_view name) {
    Rule rest = all;
    for_each_tier_field([&](const auto& field) {
      if (field.name == name) (rest.set.*field.set).reset();
    });
    for_each_rule_field([&](const auto& field) {
      if (field.name == name) (rest.*field.set).reset();
    });
    return rest;
  };
  const auto check = [&](const auto& field) {
    CAPTURE(field.name);
    CHECK(refusal({without(field.name), all}) == "");
    CHECK(refusal({all, without(field.name)}) == by_one("rules[1]", "rules[0]"));
  };
  for_each_tier_field(check);
  for_each_rule_field(check);
}

TEST_CASE("several earlier rules that hide one together are all named, and no others") {
  Rule both = priority_rule({"shop", "a"});
  both.set.window = 3s;
  Rule window = priority_rule({"", "a"});
  window.priority.reset();
  window.set.window = 2s;
  Rule other = priority_rule({"blog"});
  CHECK(refusal({priority_rule({"shop"}), other, window, both}) ==
        "rules[3]: is never reached: rules[0] and rules[2] each match all that it matches, and "
        "together "
        "set every field it sets; put it before them, or remove it");
  CHECK(refusal({priority_rule({"shop"}), other, both}) == "");
}

TEST_CASE("one rule that hides another alone is named alone") {
  Rule both = priority_rule({"shop", "a"});
  both.set.window = 3s;
  Rule same = both;
  CHECK(refusal({priority_rule({"shop"}), both, same}) == by_one("rules[2]", "rules[1]"));
}

TEST_CASE("a rule that sets nothing is refused") {
  CHECK(refusal({priority_rule({"shop"}), Rule{}}) ==
        "rules[1]: sets nothing; give it a field, or remove it");
}

// Random small policies over few names. What is refused as unreachable changes nothing when it is taken
// out: no field of any subject comes from it.
TEST_CASE("no subject has a field from a rule that is refused as never reached") {
  std::mt19937 random(5'001);
  const auto below = [&](std::size_t n) { return random() % n; };
  const std::vector<std::string> globs{"", "*", "a", "b", "a*", "*b", "?", "a?", "ab", "?*", "a*b"};
  const std::vector<std::string> names{"", "a", "b", "ab", "ba", "aab", "c"};
  int hidden = 0;
  for (int trial = 0; trial < 3'000; ++trial) {
    Policy policy;
    for (std::size_t i = 0; i < 2 + below(4); ++i) {
      Rule rule;
      rule.match = {globs[below(globs.size())], globs[below(globs.size())], {}};
      if (below(3) == 0) rule.match.uid = static_cast<std::uint32_t>(below(2));
      if (below(2) == 0) rule.priority = Priority::kLow;
      if (below(2) == 0) rule.set.window = 2s;
      if (below(2) == 0 || (!rule.priority && !rule.set.window)) rule.weight = 3;
      policy.rules.push_back(rule);
    }
    const std::string fault = contradiction(policy).value_or("");
    if (fault.find("never reached") == fault.npos) continue;
    ++hidden;
    const auto refused = static_cast<std::uint32_t>(fault[6] - '0');
    CAPTURE(fault);
    for (const std::string& service : names) {
      for (const std::string& cls : names) {
        for (std::uint32_t uid = 0; uid < 3; ++uid) {
          const Explanation why = explain(policy, {service, cls, uid}, Priority::kNormal);
          for (const Origin& origin : why.origins) {
            REQUIRE_FALSE((origin.place == Place::kRule && origin.rule == refused));
          }
        }
      }
    }
  }
  CHECK(hidden > 300);
  CHECK(hidden < 2'700);
}

}  // namespace
}  // namespace pulsed::policy
