// policy.yaml, read into policy::Policy and printed from it.
//
//   enforcement: shadow               # observe, shadow or enforce
//   enforcement_limit: enforce        # no rule goes beyond it
//   profile: balanced                 # balanced, aggressive or permissive
//   defaults:
//     poll_budget: 2ms
//   rules:
//     - match: {service: "shop*", uid: 1000, class: "checkout/*"}
//       priority: high
//       weight: 200
//       may_migrate: false
//       enforcement: enforce
//       promotion_threshold: {monitor: 10, warn: 6, yield: 4}   # or a list, [10, 6, 4]
#pragma once

#include <string>
#include <string_view>

#include "daemon/config/config_error.h"
#include "daemon/policy/policy.h"

namespace pulsed::config {

using policy::kLongestGlob;
using policy::kMostRules;

// `source` names the text in messages. What comes back holds: policy::contradiction has nothing
// against it.
[[nodiscard]] Outcome<policy::Policy> read_policy(std::string_view text, std::string_view source);

// Reads back as the same policy, except that a rule that sets nothing is left out.
[[nodiscard]] std::string to_yaml(const policy::Policy& policy);

// The same policy with every field of its defaults written out, so that printing it shows what
// holds.
[[nodiscard]] policy::Policy spelled_out(policy::Policy policy);

}  // namespace pulsed::config
