// What can be wrong with a policy, in words for its author, and the parts that look for it. Each takes
// for granted what those above it have found to hold.
#pragma once

#include <optional>
#include <string>

#include "daemon/policy/policy.h"

namespace pulsed::policy {

using Fault = std::optional<std::string>;

// A value that is outside its range, wherever it stands.
[[nodiscard]] Fault range_fault(const Policy& policy);
// A rule that sets nothing, or that earlier rules leave nothing to set.
[[nodiscard]] Fault unreachable_fault(const Policy& policy);
// Fields that cannot hold together.
[[nodiscard]] Fault relation_fault(const Policy& policy);

[[nodiscard]] std::string text(Duration d);
[[nodiscard]] std::string rule_name(std::size_t rule);  // "rules[2]"

}  // namespace pulsed::policy
