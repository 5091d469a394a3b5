// The tables of what a policy sets for a class: names as policy.yaml has them, and what each may be. Read, printed, overridden,
// explained and checked from here alone.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include "daemon/policy/policy.h"
#include "daemon/policy/range.h"

namespace pulsed::policy {

// What one value may be, beside a Range.
struct Share {};            // a double above 0, at most 1
struct TierName {};         // one of kTierNames
struct PriorityName {};     // one of kPriorityNames
struct EnforcementName {};  // one of kEnforcementNames
struct YesOrNo {};
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
inline constexpr std::array<std::string_view, 2> kYesAndNo{"true", "false"};

// What the class's priority makes of a field.
enum class Scaling : std::uint8_t {
  kNone,
  kWithPriority,  // x 4 / 2 / 1 / 0.5, at least 1
  kUpWithPriority,  // x 4 / 2 / 1 / 1: it stands above the budget, and must stay there when that is raised
  kWithinBudget,  // cut to the scaled poll_budget
};

template <typename T, typename Limits>
struct TierField {
  std::string_view name;
  std::optional<T> TierOverrides::*set;
  T TierFields::*value;
  Limits limits;  // of one value, where there is one per tier
  Scaling scaling = Scaling::kNone;
};
template <typename T, typename Limits>
TierField(std::string_view, std::optional<T> TierOverrides::*, T TierFields::*, Limits)
    -> TierField<T, Limits>;
template <typename T, typename Limits>
TierField(std::string_view, std::optional<T> TierOverrides::*, T TierFields::*, Limits, Scaling)
    -> TierField<T, Limits>;

// What a rule may set beside them.
template <typename T, typename Limits>
struct RuleField {
  std::string_view name;
  std::optional<T> Rule::*set;
  T ClassPolicy::*value;
  Limits limits;
};
template <typename T, typename Limits>
RuleField(std::string_view, std::optional<T> Rule::*, T ClassPolicy::*, Limits)
    -> RuleField<T, Limits>;

using DurationRange = Range<Duration>;
using CountRange = Range<std::uint32_t>;

inline constexpr DurationRange kSomeTime{Duration{1}, std::chrono::hours{24}};
inline constexpr DurationRange kAnyTime{Duration{0}, std::chrono::hours{24}};
inline constexpr DurationRange kWindow{std::chrono::milliseconds{1}, std::chrono::hours{24}};
// A sub-bucket of a window counts to 65535, and priority critical raises a threshold fourfold.
inline constexpr CountRange kCounted{1, 16'383};
inline constexpr CountRange kGoodPollsInARow{1, 1'000'000'000};
// A sub-bucket of the cooldown window counts to 255.
inline constexpr CountRange kChanges{1, 200};
inline constexpr CountRange kReports{0, 60'000};
inline constexpr SpareCount kSpares{{0, 4096}};  // a service has no more workers
inline constexpr LoweredTo kLoweredTo{{1, 19}};
inline constexpr CountRange kWeights{1, 1'000};
inline constexpr CountRange kUids{0, 4'294'967'294};  // the last is the kernel's word for none

inline constexpr std::tuple kTierFields{
    TierField{"poll_budget", &TierOverrides::poll_budget, &TierFields::poll_budget, kSomeTime,
              Scaling::kWithPriority},
    TierField{"promotion_threshold", &TierOverrides::promotion_threshold,
              &TierFields::promotion_threshold, kCounted, Scaling::kWithPriority},
    TierField{"promotion_cpu", &TierOverrides::promotion_cpu, &TierFields::promotion_cpu,
              kSomeTime},
    TierField{"slow_poll", &TierOverrides::slow_poll, &TierFields::slow_poll, kSomeTime,
              Scaling::kUpWithPriority},
    TierField{"promotion_slow_polls", &TierOverrides::promotion_slow_polls,
              &TierFields::promotion_slow_polls, kCounted},
    TierField{"window", &TierOverrides::window, &TierFields::window, kWindow},
    TierField{"emergency_poll", &TierOverrides::emergency_poll, &TierFields::emergency_poll,
              kSomeTime, Scaling::kUpWithPriority},
    TierField{"demotion_good_polls", &TierOverrides::demotion_good_polls,
              &TierFields::demotion_good_polls, kGoodPollsInARow},
    TierField{"good_poll", &TierOverrides::good_poll, &TierFields::good_poll, kSomeTime,
              Scaling::kWithinBudget},
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

inline constexpr std::tuple kRuleFields{
    RuleField{"priority", &Rule::priority, &ClassPolicy::priority, PriorityName{}},
    RuleField{"weight", &Rule::weight, &ClassPolicy::weight, kWeights},
    RuleField{"may_migrate", &Rule::may_migrate, &ClassPolicy::may_migrate, YesOrNo{}},
    RuleField{"enforcement", &Rule::enforcement, &ClassPolicy::enforcement, EnforcementName{}},
};

template <typename Visit>
constexpr void for_each_rule_field(Visit visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, kRuleFields);
}

// Where a list over all of them has its entries: kTierFields first, then kRuleFields.
inline constexpr std::size_t kTierFieldCount = std::tuple_size_v<decltype(kTierFields)>;
inline constexpr std::size_t kRuleFieldCount = std::tuple_size_v<decltype(kRuleFields)>;
inline constexpr std::size_t kFieldCount = kTierFieldCount + kRuleFieldCount;
inline constexpr std::size_t kPriorityAt = kTierFieldCount;
inline constexpr std::size_t kEnforcementAt = kFieldCount - 1;
inline constexpr std::size_t kMaxTierAt = 18;
static_assert(std::get<kMaxTierAt>(kTierFields).name == "max_tier");
static_assert(std::get<0>(kRuleFields).name == "priority");
static_assert(std::get<kRuleFieldCount - 1>(kRuleFields).name == "enforcement");

}  // namespace pulsed::policy
