#include "daemon/policy/policy.h"

#include <algorithm>

#include "daemon/policy/field_table.h"

namespace pulsed::policy {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  return pattern.empty() || glob_match(pattern, text);
}

bool matches(const Match& match, const Subject& subject) {
  return (!match.uid || match.uid == subject.uid) && matches(match.service, subject.service) &&
         matches(match.task_class, subject.task_class);
}

}  // namespace

TierFields overridden(const TierFields& fields, const TierOverrides& set) {
  TierFields result = fields;
  for_each_tier_field([&](const auto& field) {
    if (const auto& value = set.*field.set) result.*field.value = *value;
  });
  return result;
}

// The usual greedy match: on a mismatch only the last `*` can take one more character.
bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

ClassPolicy resolve(const Policy& policy, const Subject& subject, Priority registered) {
  TierFields fields = overridden(profile_fields(policy.profile), policy.defaults);
  ClassPolicy result{registered, fields, policy.enforcement};
  // Backwards, so that an earlier rule overwrites what a later one set.
  for (auto rule = policy.rules.rbegin(); rule != policy.rules.rend(); ++rule) {
    if (!matches(rule->match, subject)) continue;
    fields = overridden(fields, rule->set);
    result.priority = rule->priority.value_or(result.priority);
    result.weight = rule->weight.value_or(result.weight);
    result.may_migrate = rule->may_migrate.value_or(result.may_migrate);
    result.enforcement = rule->enforcement.value_or(result.enforcement);
  }
  result.enforcement = std::min(result.enforcement, policy.enforcement_limit);
  result.fields = scaled(fields, result.priority);
  return result;
}

}  // namespace pulsed::policy
