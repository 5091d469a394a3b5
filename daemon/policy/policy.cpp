#include "daemon/policy/policy.h"

#include "daemon/policy/explain.h"
#include "daemon/policy/field_table.h"

namespace pulsed::policy {

TierFields overridden(const TierFields& fields, const TierOverrides& set) {
  TierFields result = fields;
  for_each_tier_field([&](const auto& field) {
    if (const auto& value = set.*field.set) result.*field.value = *value;
  });
  return result;
}

ClassPolicy resolve(const Policy& policy, const Subject& subject, Priority registered) {
  return explain(policy, subject, registered).holds;
}

}  // namespace pulsed::policy
