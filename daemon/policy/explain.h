// Why a class is treated as it is: for each field, which place set it and what was made of it.
//
//   const Explanation why = explain(policy, {"shop", "checkout/pay", 1000}, Priority::kNormal);
//   why.origins[0]   // of poll_budget, as it is the first of kTierFields: {Place::kRule, 1} is rules[1]
//
// daemon/config/explanation.h says it in words.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "daemon/policy/field_table.h"
#include "daemon/policy/policy.h"

namespace pulsed::policy {

enum class Place : std::uint8_t {
  kBuiltIn,       // no place sets it
  kRegistration,  // what the class registered with
  kProfile,
  kDefaults,
  kRule,
  kEnforcement,       // the policy's own
  kEnforcementLimit,  // which held down what another place asked for
};

struct Origin {
  Place place = Place::kBuiltIn;
  std::uint32_t rule = 0;  // of kRule: its index; else 0
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct Explanation {
  ClassPolicy holds;    // what resolve() returns
  TierFields unscaled;  // its fields before the class's priority scaled them
  // Of kTierFields in their order, then of kRuleFields.
  std::array<Origin, kFieldCount> origins;
  // What was asked for, and by whom, where something holds it down: then that is the field's origin.
  template <typename T>
  struct HeldDown {
    T from;
    Origin origin;
    friend bool operator==(const HeldDown&, const HeldDown&) = default;
  };
  std::optional<HeldDown<Enforcement>> held_down;    // by enforcement_limit
  std::optional<HeldDown<Tier>> max_tier_held_down;  // by observe, which moves nothing
};

[[nodiscard]] Explanation explain(const Policy& policy, const Subject& subject,
                                  Priority registered);

}  // namespace pulsed::policy
