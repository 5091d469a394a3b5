#include <array>
#include <cstddef>

#include "daemon/policy/fault.h"
#include "daemon/policy/field_table.h"
#include "daemon/policy/plain_text.h"

namespace pulsed::policy {
namespace {

Fault outside(std::string_view field, Duration value, const DurationRange& range) {
  if (range.holds(value)) return {};
  return std::string(field) + " " + text(value) + " is outside " + text(range.least) + " to " +
         text(range.most);
}

Fault outside(std::string_view field, std::uint32_t value, const CountRange& range) {
  if (range.holds(value)) return {};
  return std::string(field) + " " + std::to_string(value) + " is outside " +
         std::to_string(range.least) + " to " + std::to_string(range.most);
}

Fault outside(std::string_view field, std::uint32_t value, const SpareCount& limits) {
  if (value == kAsManyAsWorkers) return {};
  return outside(field, value, limits.count);
}

Fault outside(std::string_view field, double value, Share /*limits*/) {
  if (value > 0.0 && value <= 1.0) return {};
  return std::string(field) + " " + std::to_string(value) + " is not above 0 and at most 1";
}

template <typename Name>
Fault none_of(std::string_view field, Name value, std::size_t names, std::string_view what) {
  if (static_cast<std::size_t>(value) < names) return {};
  return std::string(field) + " is not " + std::string(what);
}

Fault outside(std::string_view field, Tier value, TierName /*limits*/) {
  return none_of(field, value, kTierCount, "a tier");
}

Fault outside(std::string_view field, Priority value, PriorityName /*limits*/) {
  return none_of(field, value, kPriorityCount, "a priority");
}

Fault outside(std::string_view field, Enforcement value, EnforcementName /*limits*/) {
  return none_of(field, value, kEnforcementCount, "observe, shadow or enforce");
}

Fault outside(std::string_view /*field*/, bool /*value*/, YesOrNo /*limits*/) { return {}; }

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
    if (!outside(field, values[i], limits)) continue;
    return outside(std::string(field) + "." + std::string(kTierNames[i]), values[i], limits);
  }
  return {};
}

// A glob is printed and read again: what is no plain text would not come back.
Fault glob_fault(std::string_view field, const std::string& glob) {
  if (glob.size() > kLongestGlob) {
    return std::string(field) + " is longer than " + std::to_string(kLongestGlob) + " bytes";
  }
  if (!is_one_plain_line(glob)) return std::string(field) + " is not one line of UTF-8 text";
  return {};
}

Fault match_fault(const Match& match) {
  if (Fault e = glob_fault("service", match.service)) return e;
  if (Fault e = glob_fault("class", match.task_class)) return e;
  return match.uid ? outside("uid", *match.uid, kUids) : Fault{};
}

Fault set_fault(const TierOverrides& set) {
  Fault fault;
  for_each_tier_field([&](const auto& field) {
    const auto& value = set.*field.set;
    if (!fault && value) fault = outside(field.name, *value, field.limits);
  });
  return fault;
}

Fault rule_fault(const Rule& rule) {
  Fault fault = match_fault(rule.match);
  for_each_rule_field([&](const auto& field) {
    const auto& value = rule.*field.set;
    if (!fault && value) fault = outside(field.name, *value, field.limits);
  });
  return fault ? fault : set_fault(rule.set);
}

Fault top_fault(const Policy& policy) {
  if (Fault e = outside("enforcement", policy.enforcement, EnforcementName{})) return e;
  if (Fault e = outside("enforcement_limit", policy.enforcement_limit, EnforcementName{})) return e;
  if (Fault e = none_of("profile", policy.profile, kProfileCount, "a profile")) return e;
  if (policy.rules.size() <= kMostRules) return {};
  return "rules has more than " + std::to_string(kMostRules) + " rules";
}

}  // namespace

std::string text(Duration d) {
  const auto ns = d.count();
  if (ns != 0 && ns % 1'000'000'000 == 0) return std::to_string(ns / 1'000'000'000) + "s";
  if (ns != 0 && ns % 1'000'000 == 0) return std::to_string(ns / 1'000'000) + "ms";
  if (ns != 0 && ns % 1'000 == 0) return std::to_string(ns / 1'000) + "us";
  return std::to_string(ns) + "ns";
}

Fault range_fault(const Policy& policy) {
  if (Fault e = top_fault(policy)) return e;
  if (Fault e = set_fault(policy.defaults)) return "defaults: " + *e;
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    if (Fault e = rule_fault(policy.rules[i])) return rule_name(i) + ": " + *e;
  }
  return {};
}

}  // namespace pulsed::policy
