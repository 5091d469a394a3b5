// Refuses a policy that cannot hold, before anything runs under it.
#include <array>
#include <string>
#include <vector>

#include "daemon/policy/field_table.h"
#include "daemon/policy/match.h"
#include "daemon/policy/policy.h"

namespace pulsed::policy {
namespace {

using Fault = std::optional<std::string>;

std::string text(Duration d) {
  const auto ns = d.count();
  if (ns != 0 && ns % 1'000'000'000 == 0) return std::to_string(ns / 1'000'000'000) + "s";
  if (ns != 0 && ns % 1'000'000 == 0) return std::to_string(ns / 1'000'000) + "ms";
  if (ns != 0 && ns % 1'000 == 0) return std::to_string(ns / 1'000) + "us";
  return std::to_string(ns) + "ns";
}

Fault outside(std::string_view field, Duration value, const DurationRange& range) {
  if (range.holds(value)) return {};
  return std::string(field) + " " + text(value) + " is outside " + text(range.least) + " to " +
         text(range.most);
}

std::string text(const CountRange& range) {
  return std::to_string(range.least) + " to " + std::to_string(range.most);
}

Fault outside(std::string_view field, std::uint32_t value, const CountRange& range) {
  if (range.holds(value)) return {};
  return std::string(field) + " " + std::to_string(value) + " is outside " + text(range);
}

Fault outside(std::string_view field, std::uint32_t value, const SpareCount& limits) {
  if (value == kAsManyAsWorkers) return {};
  return outside(field, value, limits.count);
}

Fault outside(std::string_view field, double value, Share /*limits*/) {
  if (value > 0.0 && value <= 1.0) return {};
  return std::string(field) + " " + std::to_string(value) + " is not above 0 and at most 1";
}

Fault outside(std::string_view field, Tier value, TierName /*limits*/) {
  if (index(value) < kTierCount) return {};
  return std::string(field) + " is not a tier";
}

Fault outside(std::string_view field, const OsPriority& value, const LoweredTo& limits) {
  switch (value.kind) {
    case OsPriority::Kind::kUnchanged:
    case OsPriority::Kind::kIdle:
      return {};
    case OsPriority::Kind::kNice:
      return outside(field, value.nice, limits.nice);
  }
  return std::string(field) + " is not a priority";
}

template <typename T, std::size_t N, typename Limits>
Fault outside(std::string_view field, const std::array<T, N>& values, const Limits& limits) {
  for (std::size_t i = 0; i < N; ++i) {
    const std::string at = std::string(field) + "." + std::string(kTierNames[i]);
    if (Fault fault = outside(at, values[i], limits)) return fault;
  }
  return {};
}

Fault range_fault(const TierFields& f) {
  Fault fault;
  for_each_tier_field([&](const auto& field) {
    if (!fault) fault = outside(field.name, f.*field.value, field.limits);
  });
  return fault;
}

Fault relation_fault(const TierFields& f) {
  if (f.emergency_poll <= f.poll_budget) {
    return "emergency_poll " + text(f.emergency_poll) + " is not above the poll_budget " +
           text(f.poll_budget);
  }
  if (f.slow_poll < f.poll_budget) {
    return "slow_poll " + text(f.slow_poll) + " is below the poll_budget " + text(f.poll_budget);
  }
  return {};
}

Fault fault_of(const TierFields& f) {
  if (auto e = range_fault(f)) return e;
  return relation_fault(f);
}

// The fields where exactly rules i and j hold, and with them every rule that matches anything.
// Unscaled: scaled() keeps emergency_poll and slow_poll in proportion to the budget, so what holds
// here holds for every priority.
TierFields fields_under(const Policy& policy, std::size_t i, std::size_t j) {
  TierFields fields = overridden(profile_fields(policy.profile), policy.defaults);
  for (std::size_t r = policy.rules.size(); r-- > 0;) {
    const Rule& rule = policy.rules[r];
    if (r == i || r == j || holds_for_all(rule.match)) fields = overridden(fields, rule.set);
  }
  return fields;
}

std::string rule_name(std::size_t i) { return "rules[" + std::to_string(i) + "]"; }

}  // namespace

std::optional<std::string> contradiction(const Policy& policy) {
  if (Fault e = fault_of(overridden(profile_fields(policy.profile), policy.defaults))) {
    return "defaults: " + *e;
  }
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    if (Fault e = fault_of(fields_under(policy, i, i))) return rule_name(i) + ": " + *e;
  }
  // Every relation is between two fields, so pairs of rules cover what any number of them can
  // produce.
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    for (std::size_t j = i + 1; j < policy.rules.size(); ++j) {
      if (!overlap(policy.rules[i].match, policy.rules[j].match)) continue;
      if (Fault e = fault_of(fields_under(policy, i, j))) {
        return rule_name(i) + " with " + rule_name(j) + ": " + *e;
      }
    }
  }
  return {};
}

}  // namespace pulsed::policy
