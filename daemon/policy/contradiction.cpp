// Refuses a policy that cannot hold, before anything runs under it.
#include "daemon/policy/fault.h"
#include "daemon/policy/policy.h"

namespace pulsed::policy {

std::string rule_name(std::size_t rule) { return "rules[" + std::to_string(rule) + "]"; }

std::optional<std::string> contradiction(const Policy& policy) {
  if (Fault e = range_fault(policy)) return e;
  if (Fault e = unreachable_fault(policy)) return e;
  return relation_fault(policy);
}

}  // namespace pulsed::policy
