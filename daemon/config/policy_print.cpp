// The printing half of policy_yaml.h.
#include <optional>

#include "daemon/config/policy_yaml.h"
#include "daemon/config/value_text.h"
#include "daemon/policy/field_table.h"

namespace pulsed::config {
namespace {

std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

template <typename Field, typename T>
std::string line(const Field& field, const std::optional<T>& value, const std::string& indent) {
  if (!value) return {};
  return indent + std::string(field.name) + ": " + value_text(*value, field.limits) + "\n";
}

std::string overrides_text(const policy::TierOverrides& set, const std::string& indent) {
  std::string out;
  policy::for_each_tier_field(
      [&](const auto& field) { out += line(field, set.*field.set, indent); });
  return out;
}

std::string match_text(const policy::Match& match) {
  std::string out;
  const auto add = [&](std::string_view key, const std::string& value) {
    out += (out.empty() ? "" : ", ") + std::string(key) + ": " + value;
  };
  if (!match.service.empty()) add("service", in_quotes(match.service));
  if (match.uid) add("uid", std::to_string(*match.uid));
  if (!match.task_class.empty()) add("class", in_quotes(match.task_class));
  return "{" + out + "}";
}

std::string rule_text(const policy::Rule& rule) {
  std::string set;
  policy::for_each_rule_field(
      [&](const auto& field) { set += line(field, rule.*field.set, "    "); });
  set += overrides_text(rule.set, "    ");
  return set.empty() ? set : "  - match: " + match_text(rule.match) + "\n" + set;
}

}  // namespace

std::string to_yaml(const policy::Policy& policy) {
  std::string out = "enforcement: " + std::string(policy::name(policy.enforcement)) + "\n";
  out += "enforcement_limit: " + std::string(policy::name(policy.enforcement_limit)) + "\n";
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
