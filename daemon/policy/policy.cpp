#include "daemon/policy/policy.h"

namespace pulsed::policy {
namespace {

template <typename T>
void take(T& field, const std::optional<T>& set) {
  if (set) field = *set;
}

bool matches(std::string_view pattern, std::string_view text) {
  return pattern.empty() || glob_match(pattern, text);
}

}  // namespace

TierFields overridden(const TierFields& fields, const TierOverrides& set) {
  TierFields f = fields;
  take(f.poll_budget, set.poll_budget);
  take(f.promotion_threshold, set.promotion_threshold);
  take(f.promotion_cpu, set.promotion_cpu);
  take(f.slow_poll, set.slow_poll);
  take(f.promotion_slow_polls, set.promotion_slow_polls);
  take(f.window, set.window);
  take(f.emergency_poll, set.emergency_poll);
  take(f.demotion_good_polls, set.demotion_good_polls);
  take(f.good_poll, set.good_poll);
  take(f.demotion_min_stay, set.demotion_min_stay);
  take(f.demotion_quiet, set.demotion_quiet);
  take(f.promotion_hysteresis, set.promotion_hysteresis);
  take(f.demotion_hysteresis, set.demotion_hysteresis);
  take(f.cooldown_changes, set.cooldown_changes);
  take(f.cooldown_window, set.cooldown_window);
  take(f.cooldown, set.cooldown);
  take(f.class_share, set.class_share);
  take(f.reports_per_minute, set.reports_per_minute);
  take(f.max_tier, set.max_tier);
  take(f.long_poll, set.long_poll);
  take(f.spare_after, set.spare_after);
  take(f.max_spare_workers, set.max_spare_workers);
  take(f.demote_after, set.demote_after);
  take(f.demote_to, set.demote_to);
  take(f.min_share, set.min_share);
  return f;
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

ClassPolicy resolve(const Policy& policy, std::string_view service, std::string_view task_class,
                    Priority registered) {
  TierFields fields = overridden(profile_fields(policy.profile), policy.defaults);
  std::optional<Priority> priority;
  // Backwards, so that an earlier rule overwrites what a later one set.
  for (auto rule = policy.rules.rbegin(); rule != policy.rules.rend(); ++rule) {
    if (!matches(rule->match.service, service)) continue;
    if (!matches(rule->match.task_class, task_class)) continue;
    fields = overridden(fields, rule->set);
    if (rule->priority) priority = rule->priority;
  }
  const Priority effective = priority.value_or(registered);
  return {effective, scaled(fields, effective)};
}

}  // namespace pulsed::policy
