// The one walk over a policy: what holds for a class, and where from.
#include "daemon/policy/explain.h"

#include <algorithm>
#include <cstddef>

#include "daemon/policy/match.h"

namespace pulsed::policy {
namespace {

// Takes what `place` sets of the fields that no earlier place has set.
class Walk {
 public:
  explicit Walk(Explanation& result) : result_(result) {}

  void take(const TierOverrides& set, Origin place) {
    std::size_t at = 0;
    for_each_tier_field([&](const auto& field) {
      take(set.*field.set, result_.unscaled.*field.value, at++, place);
    });
  }

  void take(const Rule& rule, Origin place) {
    take(rule.set, place);
    std::size_t at = kTierFieldCount;
    for_each_rule_field(
        [&](const auto& field) { take(rule.*field.set, result_.holds.*field.value, at++, place); });
  }

 private:
  template <typename T>
  void take(const std::optional<T>& value, T& out, std::size_t at, Origin place) {
    if (!value || taken_[at]) return;
    out = *value;
    result_.origins[at] = place;
    taken_[at] = true;
  }

  Explanation& result_;
  std::array<bool, kFieldCount> taken_{};
};

// What holds where no rule sets anything: of kTierFields the profile's, of kRuleFields as follows.
Explanation built_in(const Policy& policy, Priority registered) {
  const TierFields fields = profile_fields(policy.profile);
  Explanation result{{registered, fields, policy.enforcement}, fields, {}, {}, {}};
  std::fill_n(result.origins.begin(), kTierFieldCount, Origin{Place::kProfile});
  result.origins[kPriorityAt] = {Place::kRegistration};
  result.origins[kEnforcementAt] = {Place::kEnforcement};
  return result;
}

void hold_down(Explanation& result, Enforcement limit) {
  if (result.holds.enforcement <= limit) return;
  Origin& origin = result.origins[kEnforcementAt];
  result.held_down = {result.holds.enforcement, origin};
  result.holds.enforcement = limit;
  origin = {Place::kEnforcementLimit};
}

// Observe counts violations and moves nothing.
void hold_at_monitor(Explanation& result) {
  Tier& max_tier = result.unscaled.max_tier;
  if (result.holds.enforcement != Enforcement::kObserve || max_tier == Tier::kMonitor) return;
  Origin& origin = result.origins[kMaxTierAt];
  result.max_tier_held_down = {max_tier, origin};
  max_tier = Tier::kMonitor;
  origin = result.origins[kEnforcementAt];
}

}  // namespace

Explanation explain(const Policy& policy, const Subject& subject, Priority registered) {
  Explanation result = built_in(policy, registered);
  Walk walk(result);
  for (std::uint32_t i = 0; i < policy.rules.size(); ++i) {
    if (holds_for(policy.rules[i].match, subject)) walk.take(policy.rules[i], {Place::kRule, i});
  }
  walk.take(policy.defaults, {Place::kDefaults});
  hold_down(result, policy.enforcement_limit);
  hold_at_monitor(result);
  result.holds.fields = scaled(result.unscaled, result.holds.priority);
  return result;
}

}  // namespace pulsed::policy
