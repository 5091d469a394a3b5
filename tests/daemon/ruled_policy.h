// Policies that say how far to go, and of which classes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/policy/policy.h"

namespace pulsed::test {

inline policy::Policy with(policy::Enforcement enforcement, std::vector<policy::Rule> rules = {}) {
  policy::Policy policy;
  policy.enforcement = enforcement;
  policy.rules = std::move(rules);
  return policy;
}

inline policy::Rule rule_for(std::string task_class,
                             std::optional<policy::Enforcement> enforcement = {}) {
  policy::Rule rule;
  rule.match.task_class = std::move(task_class);
  rule.enforcement = enforcement;
  return rule;
}

}  // namespace pulsed::test
