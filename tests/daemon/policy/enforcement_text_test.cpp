#include "daemon/policy/enforcement_text.h"

#include <doctest/doctest.h>

namespace pulsed::policy {
namespace {

Rule rule_that(std::optional<Enforcement> enforcement) { return {.enforcement = enforcement}; }

TEST_CASE("what rules do otherwise than the policy is told with it") {
  Policy policy;
  policy.enforcement = Enforcement::kShadow;
  policy.rules = {rule_that({}), rule_that(Enforcement::kShadow)};
  CHECK(enforcement_text(policy) == "shadow");
  policy.rules.push_back(rule_that(Enforcement::kObserve));
  CHECK(enforcement_text(policy) == "shadow (1 rule observes)");
  policy.rules.push_back(rule_that(Enforcement::kEnforce));
  policy.rules.push_back(rule_that(Enforcement::kEnforce));
  CHECK(enforcement_text(policy) == "shadow (2 rules enforce, 1 rule observes)");
  policy.enforcement = Enforcement::kEnforce;
  CHECK(enforcement_text(policy) == "enforce (1 rule shadows, 1 rule observes)");
}

TEST_CASE("what the limit holds back is told as it is") {
  Policy policy;
  policy.enforcement = Enforcement::kEnforce;
  policy.rules = {rule_that(Enforcement::kEnforce), rule_that(Enforcement::kObserve)};
  policy.enforcement_limit = Enforcement::kShadow;
  CHECK(enforcement_text(policy) == "shadow (1 rule observes)");
  policy.enforcement_limit = Enforcement::kObserve;
  CHECK(enforcement_text(policy) == "observe");
}

}  // namespace
}  // namespace pulsed::policy
