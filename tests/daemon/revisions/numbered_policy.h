// Policies that a test tells apart by a number.
#pragma once

#include <chrono>
#include <cstdint>

#include "daemon/policy/policy.h"

namespace pulsed::test {

// Numbers up to 10^6.
inline policy::Policy numbered_policy(std::uint64_t number) {
  policy::Policy policy;
  policy.enforcement =
      number % 2 == 0 ? policy::Enforcement::kShadow : policy::Enforcement::kEnforce;
  policy.defaults.demotion_quiet = std::chrono::microseconds{number};
  return policy;
}

inline std::uint64_t number_of(const policy::Policy& policy) {
  return static_cast<std::uint64_t>(
      policy.defaults.demotion_quiet.value_or(policy::Duration{}).count() / 1000);
}

}  // namespace pulsed::test
