#include "daemon/config/explanation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>

#include "daemon/config/policy_yaml.h"

namespace pulsed::config {

inline std::ostream& operator<<(std::ostream& out, const ExplainedField& f) {
  return out << f.name << " | " << f.value << " | " << f.origin << " | " << f.note;
}

namespace {

policy::Policy good(const std::string& yaml) {
  auto outcome = read_policy(yaml, "p");
  for (const ConfigError& error : outcome.errors) FAIL_CHECK(text(error));
  REQUIRE(outcome.value);
  return *std::move(outcome.value);
}

struct Explained {
  std::vector<ExplainedField> fields;
  const ExplainedField& operator[](std::string_view name) const {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const ExplainedField& f) { return f.name == name; });
    REQUIRE(found != fields.end());
    return *found;
  }
};

Explained explained_for(const policy::Policy& policy, policy::Priority registered) {
  return {explained(policy, {"shop", "checkout/pay", 1000}, registered)};
}

const std::string kPolicy = R"(
enforcement: enforce
enforcement_limit: shadow
profile: aggressive
defaults: {window: 3s, demote_to: idle}
rules:
  - match: {service: "blog*"}
    poll_budget: 1ms
  - match: {uid: 1000}
    poll_budget: 800us
    weight: 300
    may_migrate: false
  - match: {class: "checkout/*"}
    priority: high
    weight: 200
    enforcement: enforce
    promotion_threshold: [4, 3, 2]
)";

TEST_CASE("each field is told with its value, where it comes from, and what was made of it") {
  const Explained why = explained_for(good(kPolicy), policy::Priority::kNormal);
  CHECK(why["poll_budget"] ==
        ExplainedField{"poll_budget", "1600us", "rules[1]", "800us x 2 by priority high"});
  CHECK(why["promotion_threshold"] ==
        ExplainedField{"promotion_threshold", "{monitor: 8, warn: 6, yield: 4}", "rules[2]",
                       "{monitor: 4, warn: 3, yield: 2} x 2 by priority high"});
  CHECK(why["emergency_poll"] ==
        ExplainedField{"emergency_poll", "4ms", "profile aggressive", "2ms x 2 by priority high"});
  CHECK(why["window"] == ExplainedField{"window", "3s", "defaults", ""});
  CHECK(why["demote_to"] == ExplainedField{"demote_to", "idle", "defaults", ""});
  CHECK(why["max_spare_workers"] ==
        ExplainedField{"max_spare_workers", "workers", "profile aggressive", ""});
  CHECK(why["priority"] == ExplainedField{"priority", "high", "rules[2]", ""});
  CHECK(why["weight"] == ExplainedField{"weight", "300", "rules[1]", ""});
  CHECK(why["may_migrate"] == ExplainedField{"may_migrate", "false", "rules[1]", ""});
  CHECK(why["enforcement"] == ExplainedField{"enforcement", "shadow", "enforcement_limit",
                                             "enforce by rules[2], held down"});
}

TEST_CASE("what observe holds at monitor is told as what holds, with what was asked for") {
  policy::Policy policy = good(kPolicy);
  policy.enforcement_limit = policy::Enforcement::kObserve;
  const Explained why = explained_for(policy, policy::Priority::kNormal);
  CHECK(why["max_tier"] == ExplainedField{"max_tier", "monitor", "enforcement_limit",
                                          "isolate by profile aggressive, held down"});
}

TEST_CASE("without a file all is built in, and a good poll is cut to a low budget") {
  const Explained why = explained_for({}, policy::Priority::kLow);
  CHECK(why["poll_budget"] ==
        ExplainedField{"poll_budget", "500us", "profile balanced", "1ms x 0.5 by priority low"});
  CHECK(why["promotion_threshold"].value == "{monitor: 2, warn: 1, yield: 1}");
  CHECK(why["good_poll"] ==
        ExplainedField{
            "good_poll", "{monitor: 100us, warn: 200us, yield: 500us, isolate: 500us}",
            "profile balanced",
            "{monitor: 100us, warn: 200us, yield: 500us, isolate: 1ms} cut to the poll_budget"});
  CHECK(why["slow_poll"] == ExplainedField{"slow_poll", "2ms", "profile balanced", ""});
  CHECK(why["priority"] == ExplainedField{"priority", "low", "registration", ""});
  CHECK(why["weight"] == ExplainedField{"weight", "100", "built in", ""});
  CHECK(why["may_migrate"] == ExplainedField{"may_migrate", "true", "built in", ""});
  CHECK(why["enforcement"] == ExplainedField{"enforcement", "shadow", "enforcement", ""});
}

TEST_CASE(
    "every field is explained once, in the order of the example policy, with the text that holds") {
  const policy::Policy policy = good(kPolicy);
  const Explained why = explained_for(policy, policy::Priority::kCritical);
  const auto holds = field_texts(
      policy::resolve(policy, {"shop", "checkout/pay", 1000}, policy::Priority::kCritical));
  REQUIRE(why.fields.size() == policy::kFieldCount);
  REQUIRE(holds.size() == policy::kFieldCount);
  for (std::size_t i = 0; i < holds.size(); ++i) {
    CHECK(why.fields[i].name == holds[i].first);
    CHECK(why.fields[i].value == holds[i].second);
  }
}

// The unscaled values written as a policy of their own resolve to the same class.
TEST_CASE("the explained values of priority normal, written into a file, hold there") {
  const policy::Policy policy = good("profile: permissive\ndefaults: {window: 3s}\n");
  std::string yaml = "rules:\n  - match: {}\n";
  for (const ExplainedField& field : explained_for(policy, policy::Priority::kNormal).fields) {
    yaml += "    " + std::string(field.name) + ": " + field.value + "\n";
  }
  const policy::Subject subject{"shop", "checkout/pay", 1000};
  const auto written = policy::resolve(good(yaml), subject, policy::Priority::kLow);
  const auto meant = policy::resolve(policy, subject, policy::Priority::kNormal);
  CHECK(written.fields == meant.fields);
  CHECK(written.priority == meant.priority);
  CHECK(written.weight == meant.weight);
  CHECK(written.may_migrate == meant.may_migrate);
  CHECK(written.enforcement == meant.enforcement);
}

TEST_CASE("the text has a line a field, its columns aligned") {
  CHECK(explanation_text({{"poll_budget", "4ms", "rules[1]", "2ms x 2 by priority high"},
                          {"weight", "100", "built in", ""}}) ==
        "poll_budget: 4ms  rules[1] (2ms x 2 by priority high)\n"
        "weight: 100       built in\n");
}

}  // namespace
}  // namespace pulsed::config
