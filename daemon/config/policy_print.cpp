// The printing half of policy_yaml.h.
#include <array>
#include <optional>

#include "daemon/config/policy_fields.h"
#include "daemon/config/policy_yaml.h"
#include "daemon/config/units.h"

namespace pulsed::config {
namespace {

std::string value_text(Duration d) { return duration_text(d); }
std::string value_text(std::uint32_t n) { return std::to_string(n); }
std::string value_text(double d) { return fraction_text(d); }
std::string value_text(policy::Tier tier) { return std::string(policy::name(tier)); }

template <typename T, std::size_t N>
std::string value_text(const std::array<T, N>& values) {
  std::string out = "{";
  for (std::size_t i = 0; i < N; ++i) {
    if (i > 0) out += ", ";
    out += std::string(policy::kTierNames[i]) + ": " + value_text(values[i]);
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
  for_each_tier_field([&](const auto& field) {
    const auto& value = set.*field.set;
    if (value) out += indent + std::string(field.name) + ": " + value_text(*value) + "\n";
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
  for_each_tier_field([&](const auto& field) {
    auto& set = policy.defaults.*field.set;
    if (!set) set = profile.*field.value;
  });
  return policy;
}

}  // namespace pulsed::config
