// The printing half of policy_yaml.h.
#include <array>
#include <optional>

#include "daemon/config/policy_yaml.h"
#include "daemon/config/units.h"
#include "daemon/policy/field_table.h"

namespace pulsed::config {
namespace {

// By its limits, as a count may be a word too.
std::string value_text(Duration d, policy::DurationRange /*limits*/) { return duration_text(d); }
std::string value_text(std::uint32_t n, policy::CountRange /*limits*/) { return std::to_string(n); }
std::string value_text(double d, policy::Share /*limits*/) { return fraction_text(d); }
std::string value_text(policy::Tier tier, policy::TierName /*limits*/) {
  return std::string(policy::name(tier));
}

std::string value_text(std::uint32_t n, policy::SpareCount /*limits*/) {
  return n == policy::kAsManyAsWorkers ? std::string(policy::kAsManyAsWorkersWord)
                                       : std::to_string(n);
}

std::string value_text(const policy::OsPriority& priority, policy::LoweredTo /*limits*/) {
  switch (priority.kind) {
    case policy::OsPriority::Kind::kUnchanged:
      return std::string(policy::kUnchangedWord);
    case policy::OsPriority::Kind::kIdle:
      return std::string(policy::kIdleWord);
    case policy::OsPriority::Kind::kNice:
      break;
  }
  return std::to_string(priority.nice);
}

template <typename T, std::size_t N, typename Limits>
std::string value_text(const std::array<T, N>& values, const Limits& limits) {
  std::string out = "{";
  for (std::size_t i = 0; i < N; ++i) {
    if (i > 0) out += ", ";
    out += std::string(policy::kTierNames[i]) + ": " + value_text(values[i], limits);
  }
  return out + "}";
}

std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string overrides_text(const policy::TierOverrides& set, const std::string& indent) {
  std::string out;
  policy::for_each_tier_field([&](const auto& field) {
    const auto& value = set.*field.set;
    if (value)
      out += indent + std::string(field.name) + ": " + value_text(*value, field.limits) + "\n";
  });
  return out;
}

std::string match_text(const policy::Match& match) {
  std::string out;
  if (!match.service.empty()) out += "service: " + in_quotes(match.service);
  if (!match.task_class.empty()) {
    out += (out.empty() ? "class: " : ", class: ") + in_quotes(match.task_class);
  }
  return "{" + out + "}";
}

std::string rule_text(const policy::Rule& rule) {
  std::string set = overrides_text(rule.set, "    ");
  if (rule.priority)
    set = "    priority: " + std::string(policy::name(*rule.priority)) + "\n" + set;
  return set.empty() ? set : "  - match: " + match_text(rule.match) + "\n" + set;
}

}  // namespace

std::string to_yaml(const policy::Policy& policy) {
  std::string out = "enforcement: " + std::string(policy::name(policy.enforcement)) + "\n";
  out += "profile: " + std::string(policy::name(policy.profile)) + "\n";
  const std::string defaults = overrides_text(policy.defaults, "  ");
  if (!defaults.empty()) out += "defaults:\n" + defaults;
  std::string rules;
  for (const policy::Rule& rule : policy.rules) rules += rule_text(rule);
  if (!rules.empty()) out += "rules:\n" + rules;
  return out;
}

policy::Policy spelled_out(policy::Policy policy) {
  const policy::TierFields profile = policy::profile_fields(policy.profile);
  policy::for_each_tier_field([&](const auto& field) {
    auto& set = policy.defaults.*field.set;
    if (!set) set = profile.*field.value;
  });
  return policy;
}

}  // namespace pulsed::config
