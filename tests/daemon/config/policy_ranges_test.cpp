// What policy.yaml may say and what the policy itself accepts are one and the same, field by field.
#include <doctest/doctest.h>

#include <cstdint>
#include <type_traits>

#include "daemon/config/policy_yaml.h"
#include "daemon/policy/field_table.h"

namespace pulsed::config {
namespace {

using namespace std::chrono_literals;

// A policy that sets one field alone, all its tiers to `value`, and only widens others so that no relation breaks.
template <typename T, typename Limits, typename V>
policy::Policy with(const policy::TierField<T, Limits>& field, const V& value) {
  policy::Policy policy;
  T all{};
  if constexpr (std::is_same_v<T, V>) {
    all = value;
  } else {
    all.fill(value);
  }
  policy.defaults.*field.set = all;
  const auto budget = policy.defaults.poll_budget.value_or(1ns);
  policy.defaults.poll_budget = budget;
  if (!policy.defaults.slow_poll) policy.defaults.slow_poll = 24h;
  if (!policy.defaults.emergency_poll) policy.defaults.emergency_poll = 24h;
  // The budget's own upper end is where no emergency fits above it.
  if (budget == 24h) policy.defaults.poll_budget = budget - 1ns;
  return policy;
}

TEST_CASE("the ranges are the policy's own, at both ends of every field") {
  policy::for_each_tier_field([&](const auto& field) {
    CAPTURE(field.name);
    const auto check = [&](auto value, bool holds) {
      const policy::Policy policy = with(field, value);
      const auto fault = policy::contradiction(policy);
      CHECK(fault.has_value() != holds);
      CHECK(read_policy(to_yaml(policy), "p").value.has_value() == holds);
    };
    using Limits = std::remove_cvref_t<decltype(field.limits)>;
    if constexpr (std::is_same_v<Limits, policy::DurationRange>) {
      // The least emergency is above the least budget.
      check(field.limits.least + (field.name == "emergency_poll" ? 1ns : 0ns), true);
      check(field.limits.most, true);
      if (field.limits.least > 0ns) check(field.limits.least - 1ns, false);
      if (field.name != "poll_budget") check(field.limits.most + 1ns, false);
    } else if constexpr (std::is_same_v<Limits, policy::CountRange>) {
      check(field.limits.least, true);
      check(field.limits.most, true);
      if (field.limits.least > 0) check(field.limits.least - 1, false);
      check(field.limits.most + 1, false);
    } else if constexpr (std::is_same_v<Limits, policy::Share>) {
      check(1.0, true);
      check(1e-300, true);
      check(0.0, false);
      check(1.0001, false);
    } else if constexpr (std::is_same_v<Limits, policy::SpareCount>) {
      check(field.limits.count.least, true);
      check(field.limits.count.most, true);
      check(field.limits.count.most + 1, false);
      check(policy::kAsManyAsWorkers, true);
      check(policy::kAsManyAsWorkers - 1, false);
    } else if constexpr (std::is_same_v<Limits, policy::LoweredTo>) {
      using policy::OsPriority;
      const auto least = static_cast<std::uint8_t>(field.limits.nice.least);
      const auto most = static_cast<std::uint8_t>(field.limits.nice.most);
      const auto nice = [](int value) {
        return OsPriority{OsPriority::Kind::kNice, static_cast<std::uint8_t>(value)};
      };
      check(nice(least), true);
      check(nice(most), true);
      check(nice(least - 1), false);
      check(nice(most + 1), false);
      check(OsPriority{OsPriority::Kind::kIdle, 0}, true);
      check(OsPriority{OsPriority::Kind::kUnchanged, 0}, true);
    } else {
      static_assert(std::is_same_v<Limits, policy::TierName>);
      check(policy::Tier::kMonitor, true);
      check(policy::Tier::kIsolate, true);
    }
  });
}

}  // namespace
}  // namespace pulsed::config
