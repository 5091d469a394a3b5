// Where one class stands, and so at which tier its new tasks begin.
//
// A class stands at the highest tier T for which, within its window,
//   (a) its tasks at T or above burned at least class_share of the CPU time it burned over budgets,
//   (b) and those of them that went over budget are at least class_share of the tasks that polled,
//       and at least two.
// (a) alone would let one bad task in 100 move its class, as it burns all of the excess. A class
// rises at once. It falls one tier at a time: demotion_quiet after the shares last held, after
// demotion_min_stay and demotion_hysteresis.
//
// Tasks that closed still count for their window. Those that closed at the class's own tier, too
// early to be promoted, hand their counts to the class: once these together would promote a task,
// they count as one tier above. So a new task for every request is no escape.
//
// Stamps number the sub-buckets of the window; one that is 16 or more behind is out of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "daemon/policy/offense_window.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/task_state.h"
#include "daemon/policy/tier_change.h"

namespace pulsed::policy {

inline constexpr std::uint32_t kClassMinOffenders = 2;

class ClassStanding {
 public:
  // `clock` is this class's entry of the table that good polls are judged by, and outlives this.
  ClassStanding(ClassClock& clock, const ClassPolicy& policy, Time now);

  // If `window` changes, what the class and its tasks counted is void: the running stamp leaves the
  // older ones behind. The tier stays, even where it may not be: see keep_in_bounds.
  void set_policy(const ClassPolicy& policy, Time now);
  [[nodiscard]] const ClassPolicy& policy() const { return policy_; }
  [[nodiscard]] const TierFields& fields() const { return policy_.fields; }
  [[nodiscard]] Tier tier() const { return tier_; }
  // Where the policy lets a task stand that would stand at `tier`: at the pinned tier, else at most
  // at max_tier. A pin is an operator's word, so it may be above max_tier.
  [[nodiscard]] Tier allowed(Tier tier) const {
    return policy_.pinned.value_or(std::min(tier, policy_.fields.max_tier));
  }
  [[nodiscard]] bool pinned() const { return policy_.pinned.has_value(); }
  void keep_in_bounds(Time now);
  [[nodiscard]] std::uint32_t tasks_out_of_bounds() const;

  // Moves the window to `now` and returns the running stamp.
  std::uint32_t advance(Time now);

  // The rest wants advance() first, and windows advanced to the same stamp.
  void count_active(TaskState& task);
  void drop_active(TaskState& task);  // its next poll is another class's
  void count(const Offense& offense, Tier tier, OffenseWindow& window, Time now);
  void count_unslotted(const Offense& offense, Time now);  // as a task below every tier
  void task_moved(OffenseWindow& window, Tier from, Tier to);
  void task_left(const OffenseWindow& window, Tier tier);  // closed

  // Where the class goes now, if anywhere. The caller reports it.
  [[nodiscard]] std::optional<Tier> decide(Time now);
  [[nodiscard]] bool idle() const;  // at Monitor, and nothing in its window

  [[nodiscard]] bool take_report(Time now);
  [[nodiscard]] std::uint64_t reports_withheld() const { return reports_withheld_; }
  [[nodiscard]] std::uint64_t violations() const { return violations_; }

  std::array<std::uint32_t, kTierCount> tasks_at{};
  bool hot = false;        // in the TierManager's list of classes to decide on
  bool unsettled = false;  // some of its tasks may stand where the policy does not allow them

 private:
  struct Departed {
    Duration burned{};
    std::uint32_t violators = 0;
    std::uint32_t violations = 0;
    std::uint32_t slow_polls = 0;
  };
  struct Counts {
    std::array<Duration, kTierCount> burned{};          // by tasks now at that tier
    std::array<std::uint32_t, kTierCount> violators{};  // distinct, by tier now
    std::uint32_t active = 0;                           // distinct tasks, by their last poll
    Departed departed;  // also in the above, at the tier they closed at
  };

  [[nodiscard]] bool in_window(std::uint32_t stamp) const {
    return stamp != 0 && clock_->stamp - stamp < kSubBuckets;
  }
  [[nodiscard]] Counts& bucket(std::uint32_t stamp) { return buckets_[stamp % kSubBuckets]; }
  void expire(Counts& bucket);
  void restart_window(Time now);
  void move_to(Tier to, Time now);
  [[nodiscard]] bool departed_due() const;
  [[nodiscard]] std::uint32_t violators_from(Tier tier) const;
  [[nodiscard]] bool shares_hold(Tier tier) const;

  ClassClock* clock_;
  ClassPolicy policy_{};
  Duration width_{};
  std::uint64_t number_ = 0;  // of the running sub-bucket, since time began
  Tier tier_ = Tier::kMonitor;
  Time since_{};
  Time last_offense_ = Time{-1};
  Time judged_ = Time{-1};  // offenses up to here were judged
  Time last_held_{};        // the last offense under which the shares held at tier_
  Counts total_;
  std::array<Counts, kSubBuckets> buckets_{};
  std::uint64_t violations_ = 0;
  SlidingCount<std::uint32_t> reports_;
  std::uint64_t reports_withheld_ = 0;
};

}  // namespace pulsed::policy
