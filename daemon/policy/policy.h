// What an operator may decide, as typed values: the fields of the TierManager, profiles, and rules
// by service, user and class.
//
// The engine never sees a file format; daemon/config reads YAML into these. Every field has a test
// in which changing it alone changes the outcome.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/policy/types.h"

namespace pulsed::policy {

template <typename T>
using PerTier = std::array<T, kTierCount>;
template <typename T>
using PerPromotion = std::array<T, kTierCount - 1>;  // the terminal tier is never promoted

// An OS priority below the ordinary one. The default, nice 13, leaves a share of 5 % beside one
// ordinary thread; idle is SCHED_IDLE, 0.4 %.
struct OsPriority {
  enum class Kind : std::uint8_t { kUnchanged, kNice, kIdle };
  Kind kind = Kind::kNice;
  std::uint8_t nice = 13;  // [1, 19]; of no meaning to the other kinds
  friend bool operator==(const OsPriority& a, const OsPriority& b) {
    return a.kind == b.kind && (a.kind != Kind::kNice || a.nice == b.nice);
  }
};

inline constexpr std::uint32_t kAsManyAsWorkers = 0xFFFFFFFF;

// Every field of the TierManager, for tasks of normal priority. Durations are CPU time where the
// name says cpu, budget or poll, and time on the clock otherwise. Entries are those of the tier a
// task stands at; Monitor's demotion entries rule forgiveness there (offender.h).
struct TierFields {
  Duration poll_budget;  // CPU time one poll may use; scaled by priority
  PerPromotion<std::uint32_t>
      promotion_threshold;  // violations within `window`; scaled by priority, at least 1
  PerPromotion<Duration>
      promotion_cpu;   // CPU beyond budgets within `window` that promotes by itself
  Duration slow_poll;  // a poll burning at least this long is slow
  PerPromotion<std::uint32_t>
      promotion_slow_polls;  // slow polls within `window` that promote by themselves
  Duration window;           // over which the three above are counted
  Duration emergency_poll;   // one in-flight poll burning this long goes to Isolate
  PerTier<std::uint32_t> demotion_good_polls;  // consecutive good polls before demotion
  PerTier<Duration> good_poll;                 // the longest good poll, by CPU time where known
  PerTier<Duration> demotion_min_stay;         // least time at the tier before demotion
  Duration demotion_quiet;         // least time since the last violation before demotion
  Duration promotion_hysteresis;   // least time between a change and a promotion
  Duration demotion_hysteresis;    // least time between a change and a demotion
  std::uint32_t cooldown_changes;  // more changes than this within cooldown_window ...
  Duration cooldown_window;
  Duration cooldown;                 // ... hold the higher tier this long
  double class_share;                // (0, 1]: see class_standing.h
  std::uint32_t reports_per_minute;  // Warn reports a class may log
  Tier max_tier;                     // never promoted beyond
  // What is done about a poll while it is in flight: see hold.h.
  Duration long_poll;    // in flight this long (wall) it is reported with blame, if not before
  Duration spare_after;  // in flight this long (wall) a spare worker takes its worker's place
  std::uint32_t max_spare_workers;  // awake at once in a run loop; kAsManyAsWorkers: as serve it
  Duration
      demote_after;  // having burned this much, and over its budget, its thread goes to demote_to
  OsPriority demote_to;
  double min_share;  // (0, 1]: of a CPU, kept for a demoted thread that wants to run

  friend bool operator==(const TierFields&, const TierFields&) = default;
};

enum class Profile : std::uint8_t { kBalanced, kAggressive, kPermissive };
inline constexpr std::size_t kProfileCount = 3;
inline constexpr std::array<std::string_view, kProfileCount> kProfileNames{"balanced", "aggressive",
                                                                           "permissive"};
[[nodiscard]] constexpr std::string_view name(Profile p) {
  return kProfileNames[static_cast<std::size_t>(p)];
}
[[nodiscard]] TierFields profile_fields(Profile p);

// The fields as they hold for one priority: poll_budget and promotion_threshold scaled by 4 / 2 / 1
// / 0.5 (thresholds rounded down, at least 1). emergency_poll and slow_poll rise with the budget (4
// / 2 / 1 / 1) so that they stay above it; good_poll is cut to the budget, as a poll over its
// budget is never good.
[[nodiscard]] TierFields scaled(const TierFields& fields, Priority priority);

// Fields an operator set; an empty one leaves what the profile (or an earlier rule) says.
struct TierOverrides {
  std::optional<Duration> poll_budget;
  std::optional<PerPromotion<std::uint32_t>> promotion_threshold;
  std::optional<PerPromotion<Duration>> promotion_cpu;
  std::optional<Duration> slow_poll;
  std::optional<PerPromotion<std::uint32_t>> promotion_slow_polls;
  std::optional<Duration> window;
  std::optional<Duration> emergency_poll;
  std::optional<PerTier<std::uint32_t>> demotion_good_polls;
  std::optional<PerTier<Duration>> good_poll;
  std::optional<PerTier<Duration>> demotion_min_stay;
  std::optional<Duration> demotion_quiet;
  std::optional<Duration> promotion_hysteresis;
  std::optional<Duration> demotion_hysteresis;
  std::optional<std::uint32_t> cooldown_changes;
  std::optional<Duration> cooldown_window;
  std::optional<Duration> cooldown;
  std::optional<double> class_share;
  std::optional<std::uint32_t> reports_per_minute;
  std::optional<Tier> max_tier;
  std::optional<Duration> long_poll;
  std::optional<Duration> spare_after;
  std::optional<std::uint32_t> max_spare_workers;
  std::optional<Duration> demote_after;
  std::optional<OsPriority> demote_to;
  std::optional<double> min_share;

  friend bool operator==(const TierOverrides&, const TierOverrides&) = default;
};

[[nodiscard]] TierFields overridden(const TierFields& fields, const TierOverrides& set);

// For which services and classes a rule holds. Globs know `*`, `?` and nothing else; what is empty
// or not set means any.
struct Match {
  std::string service;
  std::string task_class;
  std::optional<std::uint32_t> uid;  // of the service's process
  friend bool operator==(const Match&, const Match&) = default;
};

inline constexpr std::uint32_t kOrdinaryWeight = 100;

struct Rule {
  Match match;
  std::optional<Priority> priority;  // overrides what the class registered with
  std::optional<std::uint32_t>
      weight;  // [1, 1000]: share of the isolation pool's time while it is contended
  std::optional<bool> may_migrate;         // false: never to the isolation pool
  std::optional<Enforcement> enforcement;  // of these classes, instead of the policy's
  TierOverrides set;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Policy {
  Enforcement enforcement = Enforcement::kShadow;
  // No class is treated beyond it, whatever rules say: the emergency stop.
  Enforcement enforcement_limit = Enforcement::kEnforce;
  Profile profile = Profile::kBalanced;
  TierOverrides defaults;
  std::vector<Rule> rules;  // the first rule that matches and sets a field wins that field
  friend bool operator==(const Policy&, const Policy&) = default;
};

// What holds for one class: already scaled by its priority, and within the enforcement limit.
struct ClassPolicy {
  Priority priority;
  TierFields fields;
  Enforcement enforcement = Enforcement::kShadow;
  std::uint32_t weight = kOrdinaryWeight;
  bool may_migrate = true;
  std::optional<Tier> pinned{};  // all its tasks are held there; never from a policy
};

// Whom a rule is held against.
struct Subject {
  std::string_view service;
  std::string_view task_class;
  std::optional<std::uint32_t> uid{};  // not known: rules that name one do not match
};

// Resolves profile, defaults and rules for a class that registered with `registered`; explain.h says
// why.
[[nodiscard]] ClassPolicy resolve(const Policy& policy, const Subject& subject,
                                  Priority registered);

inline constexpr std::size_t kMostRules = 256;
inline constexpr std::size_t kLongestGlob = 64;

// Why a policy cannot hold, in words for its author ("rules[2]: emergency_poll 1ms is not above the
// poll_budget 4ms"), or nothing. Checks
// - every value's range, whether it comes to hold or not;
// - that every rule sets something, and is reached: not if earlier rules that each hold wherever it
//   does set all it sets. (Rules that cover it only together by their matches are not seen through.)
// - the relations between fields under each rule and each two rules that can hold together. A rule
//   that needs a third to hold is judged without it, so a policy may be refused that would just do.
[[nodiscard]] std::optional<std::string> contradiction(const Policy& policy);

}  // namespace pulsed::policy
