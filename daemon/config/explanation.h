// What holds for a class and why, in the words of policy.yaml: what `pulsectl policy explain` prints.
//
//   for (const ExplainedField& field : explained(policy, {"shop", "checkout/pay", 1000}, Priority::kNormal))
//     ...                      // {"poll_budget", "4ms", "rules[1]", "2ms x 2 by priority high"}
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/policy/explain.h"

namespace pulsed::config {

struct ExplainedField {
  std::string_view name;  // as in policy.yaml
  std::string
      value;  // what holds, as policy.yaml spells it: "4ms", "{monitor: 5, warn: 3, yield: 2}"
  std::string origin;  // "rules[1]", "defaults", "profile balanced", "registration", "enforcement",
                       // "enforcement_limit" or "built in"
  std::string
      note;  // what was made of what that place says, such as "2ms x 2 by priority high"; mostly empty
  friend bool operator==(const ExplainedField&, const ExplainedField&) = default;
};

// Every field, in the order of the example policy, then priority, weight, may_migrate and enforcement.
[[nodiscard]] std::vector<ExplainedField> explained(const policy::Policy& policy,
                                                    const policy::Subject& subject,
                                                    policy::Priority registered);

// "poll_budget: 4ms  rules[1] (2ms x 2 by priority high)", a line a field, the columns aligned.
[[nodiscard]] std::string explanation_text(const std::vector<ExplainedField>& fields);

// Name and value of every field, spelled and ordered as above.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string>> field_texts(
    const policy::ClassPolicy& policy);

}  // namespace pulsed::config
