// What is remembered of a task that is not in good standing, and the rules by which it rises and
// falls.
//
// Promotion and demotion are one tier at a time; only an emergency skips tiers, and hysteresis. At
// Monitor, which has nothing below it, the demotion fields rule forgiveness: demotion_good_polls
// good polls in a row wipe the violations and slow polls counted so far, once demotion_min_stay has
// passed since the task last came down. CPU time burned is never forgiven, so good polls between
// bad ones buy an offender at most promotion_cpu a window.
#pragma once

#include <limits>
#include <optional>

#include "daemon/policy/offense_window.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/tier_change.h"

namespace pulsed::policy {

inline constexpr std::uint32_t kNoRecord = 0xFFFFFFFF;
inline constexpr Time kNever = Time{std::numeric_limits<std::int64_t>::min() / 2};

struct Offender {
  std::uint32_t slot = kNoSlot;      // kNoSlot: the record is free
  std::uint32_t window = kNoRecord;  // index of its OffenseWindow, if it has one
  std::uint32_t good_run = 0;        // consecutive good polls
  bool changed = false;              // hysteresis counts from a change, and opening is none
  Time since{};                      // at this tier: when it changed or, before any change, opened
  Time last_violation = kNever;
  Time cooldown_until = kNever;
  SlidingCount<std::uint8_t> changes{};  // within cooldown_window

  // Why the counts of `window` promote a task at `tier`, regardless of hysteresis.
  [[nodiscard]] static std::optional<Reason> promotes(const OffenseWindow& window,
                                                      const TierFields& fields, Tier tier);
  [[nodiscard]] bool may_rise(const TierFields& fields, Time now) const;

  // Whether it falls one tier now. A fall that would be one change too many starts a cooldown
  // instead.
  [[nodiscard]] bool falls(const TierFields& fields, Tier tier, Time now);
  [[nodiscard]] bool forgiven(const TierFields& fields, Time now) const;  // at Monitor

  void note_change(const TierFields& fields, Time now);

  // Whether nothing it remembers of a task at Monitor could matter again. Its window is empty by
  // then.
  [[nodiscard]] bool forgettable(const TierFields& fields, Time now);
};
static_assert(sizeof(Offender) == 64);

}  // namespace pulsed::policy
