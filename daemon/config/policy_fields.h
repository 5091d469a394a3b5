// The table of the TierManager's fields as policy.yaml names them: read, printed and checked from
// here alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include "daemon/config/strict_yaml.h"
#include "daemon/policy/policy.h"

namespace pulsed::config {

struct Share {};     // a double above 0, at most 1
struct TierName {};  // one of policy::kTierNames

// `Limits` says what one value may be: a Range, Share or TierName.
template <typename T, typename Limits>
struct TierField {
  std::string_view name;
  std::optional<T> policy::TierOverrides::*set;
  T policy::TierFields::*value;
  Limits limits;
};
template <typename T, typename Limits>
TierField(std::string_view, std::optional<T> policy::TierOverrides::*, T policy::TierFields::*,
          Limits) -> TierField<T, Limits>;

using DurationRange = Range<Duration>;
using CountRange = Range<std::uint32_t>;

// As policy::contradiction has them; a test holds the two together.
inline constexpr DurationRange kSomeTime{Duration{1}, std::chrono::hours{24}};
inline constexpr DurationRange kAnyTime{Duration{0}, std::chrono::hours{24}};
inline constexpr DurationRange kWindow{std::chrono::milliseconds{1}, std::chrono::hours{24}};
inline constexpr CountRange kCounted{1, 16'383};

namespace detail {
using O = policy::TierOverrides;
using F = policy::TierFields;
}  // namespace detail

inline constexpr std::tuple kTierFields{
    TierField{"poll_budget", &detail::O::poll_budget, &detail::F::poll_budget, kSomeTime},
    TierField{"promotion_threshold", &detail::O::promotion_threshold,
              &detail::F::promotion_threshold, kCounted},
    TierField{"promotion_cpu", &detail::O::promotion_cpu, &detail::F::promotion_cpu, kSomeTime},
    TierField{"slow_poll", &detail::O::slow_poll, &detail::F::slow_poll, kSomeTime},
    TierField{"promotion_slow_polls", &detail::O::promotion_slow_polls,
              &detail::F::promotion_slow_polls, kCounted},
    TierField{"window", &detail::O::window, &detail::F::window, kWindow},
    TierField{"emergency_poll", &detail::O::emergency_poll, &detail::F::emergency_poll, kSomeTime},
    TierField{"demotion_good_polls", &detail::O::demotion_good_polls,
              &detail::F::demotion_good_polls, CountRange{1, 1'000'000'000}},
    TierField{"good_poll", &detail::O::good_poll, &detail::F::good_poll, kSomeTime},
    TierField{"demotion_min_stay", &detail::O::demotion_min_stay, &detail::F::demotion_min_stay,
              kAnyTime},
    TierField{"demotion_quiet", &detail::O::demotion_quiet, &detail::F::demotion_quiet, kAnyTime},
    TierField{"promotion_hysteresis", &detail::O::promotion_hysteresis,
              &detail::F::promotion_hysteresis, kAnyTime},
    TierField{"demotion_hysteresis", &detail::O::demotion_hysteresis,
              &detail::F::demotion_hysteresis, kAnyTime},
    TierField{"cooldown_changes", &detail::O::cooldown_changes, &detail::F::cooldown_changes,
              CountRange{1, 200}},
    TierField{"cooldown_window", &detail::O::cooldown_window, &detail::F::cooldown_window, kWindow},
    TierField{"cooldown", &detail::O::cooldown, &detail::F::cooldown, kAnyTime},
    TierField{"class_share", &detail::O::class_share, &detail::F::class_share, Share{}},
    TierField{"reports_per_minute", &detail::O::reports_per_minute, &detail::F::reports_per_minute,
              CountRange{0, 60'000}},
    TierField{"max_tier", &detail::O::max_tier, &detail::F::max_tier, TierName{}},
};

template <typename Visit>
constexpr void for_each_tier_field(Visit visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, kTierFields);
}

}  // namespace pulsed::config
