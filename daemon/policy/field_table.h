// The table of the TierManager's fields: their names as policy.yaml has them, and what each may be. Read, printed, overridden
// and checked from here alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include "daemon/policy/policy.h"
#include "daemon/policy/range.h"

namespace pulsed::policy {

// What one value may be, beside a Range.
struct Share {};     // a double above 0, at most 1
struct TierName {};  // one of kTierNames
struct SpareCount {  // kAsManyAsWorkers, or a count within:
  Range<std::uint32_t> count;
};
struct LoweredTo {  // kUnchanged, kIdle, or a nice value within:
  Range<std::uint32_t> nice;
};

// What stands for the values that are no numbers.
inline constexpr std::string_view kAsManyAsWorkersWord = "workers";
inline constexpr std::string_view kUnchangedWord = "none";
inline constexpr std::string_view kIdleWord = "idle";

template <typename T, typename Limits>
struct TierField {
  std::string_view name;
  std::optional<T> TierOverrides::*set;
  T TierFields::*value;
  Limits limits;  // of one value, where there is one per tier
};
template <typename T, typename Limits>
TierField(std::string_view, std::optional<T> TierOverrides::*, T TierFields::*, Limits)
    -> TierField<T, Limits>;

using DurationRange = Range<Duration>;
using CountRange = Range<std::uint32_t>;

inline constexpr DurationRange kSomeTime{Duration{1}, std::chrono::hours{24}};
inline constexpr DurationRange kAnyTime{Duration{0}, std::chrono::hours{24}};
inline constexpr DurationRange kWindow{std::chrono::milliseconds{1}, std::chrono::hours{24}};
// A sub-bucket of a window counts to 65535, and priority critical raises a threshold fourfold.
inline constexpr CountRange kCounted{1, 16'383};
inline constexpr CountRange kGoodPolls{1, 1'000'000'000};
// A sub-bucket of the cooldown window counts to 255.
inline constexpr CountRange kChanges{1, 200};
inline constexpr CountRange kReports{0, 60'000};
inline constexpr SpareCount kSpares{{0, 4096}};  // a service has no more workers
inline constexpr LoweredTo kLoweredTo{{1, 19}};

inline constexpr std::tuple kTierFields{
    TierField{"poll_budget", &TierOverrides::poll_budget, &TierFields::poll_budget, kSomeTime},
    TierField{"promotion_threshold", &TierOverrides::promotion_threshold,
              &TierFields::promotion_threshold, kCounted},
    TierField{"promotion_cpu", &TierOverrides::promotion_cpu, &TierFields::promotion_cpu,
              kSomeTime},
    TierField{"slow_poll", &TierOverrides::slow_poll, &TierFields::slow_poll, kSomeTime},
    TierField{"promotion_slow_polls", &TierOverrides::promotion_slow_polls,
              &TierFields::promotion_slow_polls, kCounted},
    TierField{"window", &TierOverrides::window, &TierFields::window, kWindow},
    TierField{"emergency_poll", &TierOverrides::emergency_poll, &TierFields::emergency_poll,
              kSomeTime},
    TierField{"demotion_good_polls", &TierOverrides::demotion_good_polls,
              &TierFields::demotion_good_polls, kGoodPolls},
    TierField{"good_poll", &TierOverrides::good_poll, &TierFields::good_poll, kSomeTime},
    TierField{"demotion_min_stay", &TierOverrides::demotion_min_stay,
              &TierFields::demotion_min_stay, kAnyTime},
    TierField{"demotion_quiet", &TierOverrides::demotion_quiet, &TierFields::demotion_quiet,
              kAnyTime},
    TierField{"promotion_hysteresis", &TierOverrides::promotion_hysteresis,
              &TierFields::promotion_hysteresis, kAnyTime},
    TierField{"demotion_hysteresis", &TierOverrides::demotion_hysteresis,
              &TierFields::demotion_hysteresis, kAnyTime},
    TierField{"cooldown_changes", &TierOverrides::cooldown_changes, &TierFields::cooldown_changes,
              kChanges},
    TierField{"cooldown_window", &TierOverrides::cooldown_window, &TierFields::cooldown_window,
              kWindow},
    TierField{"cooldown", &TierOverrides::cooldown, &TierFields::cooldown, kAnyTime},
    TierField{"class_share", &TierOverrides::class_share, &TierFields::class_share, Share{}},
    TierField{"reports_per_minute", &TierOverrides::reports_per_minute,
              &TierFields::reports_per_minute, kReports},
    TierField{"max_tier", &TierOverrides::max_tier, &TierFields::max_tier, TierName{}},
    TierField{"long_poll", &TierOverrides::long_poll, &TierFields::long_poll, kSomeTime},
    TierField{"spare_after", &TierOverrides::spare_after, &TierFields::spare_after, kSomeTime},
    TierField{"max_spare_workers", &TierOverrides::max_spare_workers,
              &TierFields::max_spare_workers, kSpares},
    TierField{"demote_after", &TierOverrides::demote_after, &TierFields::demote_after, kSomeTime},
    TierField{"demote_to", &TierOverrides::demote_to, &TierFields::demote_to, kLoweredTo},
    TierField{"min_share", &TierOverrides::min_share, &TierFields::min_share, Share{}},
};

template <typename Visit>
constexpr void for_each_tier_field(Visit visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, kTierFields);
}

}  // namespace pulsed::policy
