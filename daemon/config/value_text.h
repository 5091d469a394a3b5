// Each value of a policy as policy.yaml spells it, by what its field's limits say it is.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "daemon/policy/field_table.h"

namespace pulsed::config {

[[nodiscard]] std::string value_text(policy::Duration d, const policy::DurationRange& limits);
[[nodiscard]] std::string value_text(std::uint32_t n, const policy::CountRange& limits);
[[nodiscard]] std::string value_text(std::uint32_t n, const policy::SpareCount& limits);
[[nodiscard]] std::string value_text(double share, policy::Share limits);
[[nodiscard]] std::string value_text(bool yes, policy::YesOrNo limits);
[[nodiscard]] std::string value_text(policy::Tier tier, policy::TierName limits);
[[nodiscard]] std::string value_text(policy::Priority priority, policy::PriorityName limits);
[[nodiscard]] std::string value_text(policy::Enforcement enforcement,
                                     policy::EnforcementName limits);
[[nodiscard]] std::string value_text(const policy::OsPriority& priority,
                                     const policy::LoweredTo& limits);

// "{monitor: 5, warn: 3, yield: 2}"
template <typename T, std::size_t N, typename Limits>
[[nodiscard]] std::string value_text(const std::array<T, N>& values, const Limits& limits) {
  std::string out = "{";
  for (std::size_t i = 0; i < N; ++i) {
    if (i > 0) out += ", ";
    out += std::string(policy::kTierNames[i]) + ": " + value_text(values[i], limits);
  }
  return out + "}";
}

}  // namespace pulsed::config
