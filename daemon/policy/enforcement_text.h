// How far a policy goes, in a few words for a line of the log.
#pragma once

#include <string>

#include "daemon/policy/policy.h"

namespace pulsed::policy {

// "shadow", or, where rules say otherwise: "shadow (2 rules enforce, 1 rule observes)". What the limit holds back does not
// count.
[[nodiscard]] std::string enforcement_text(const Policy& policy);

}  // namespace pulsed::policy
