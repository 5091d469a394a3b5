#include "daemon/policy/offender.h"

namespace pulsed::policy {

std::optional<Reason> Offender::promotes(const OffenseWindow& window, const TierFields& fields,
                                         Tier tier) {
  const std::size_t t = index(tier);
  if (tier >= fields.max_tier || t >= fields.promotion_cpu.size()) return {};
  if (window.violations() >= fields.promotion_threshold[t]) return Reason::kViolations;
  if (window.excess() >= fields.promotion_cpu[t]) return Reason::kExcessCpu;
  if (window.slow_polls() >= fields.promotion_slow_polls[t]) return Reason::kSlowPolls;
  return {};
}

bool Offender::may_rise(const TierFields& fields, Time now) const {
  return !changed || now - since >= fields.promotion_hysteresis;
}

bool Offender::falls(const TierFields& fields, Tier tier, Time now) {
  if (tier == Tier::kMonitor || good_run < fields.demotion_good_polls[index(tier)]) return false;
  if (now - since < fields.demotion_min_stay[index(tier)]) return false;
  if (now - last_violation < fields.demotion_quiet) return false;
  if (changed && now - since < fields.demotion_hysteresis) return false;
  if (now < cooldown_until) return false;
  if (changes.sum(now, fields.cooldown_window) < fields.cooldown_changes) return true;
  cooldown_until = now + fields.cooldown;
  changes.clear();
  return false;
}

bool Offender::forgiven(const TierFields& fields, Time now) const {
  constexpr std::size_t kAtMonitor = index(Tier::kMonitor);
  if (good_run < fields.demotion_good_polls[kAtMonitor]) return false;
  return !changed || now - since >= fields.demotion_min_stay[kAtMonitor];
}

void Offender::note_change(const TierFields& fields, Time now) {
  since = now;
  changed = true;
  good_run = 0;
  changes.add(now, fields.cooldown_window);
  if (changes.sum(now, fields.cooldown_window) <= fields.cooldown_changes) return;
  // Counting starts anew, so that `cooldown` alone says how long the tier is held.
  cooldown_until = now + fields.cooldown;
  changes.clear();
}

bool Offender::forgettable(const TierFields& fields, Time now) {
  // A cooldown needs no look: it ends above Monitor.
  if (changes.sum(now, fields.cooldown_window) != 0) return false;
  if (!changed) return true;
  return now - since >= fields.promotion_hysteresis &&
         now - since >= fields.demotion_min_stay[index(Tier::kMonitor)];
}

}  // namespace pulsed::policy
