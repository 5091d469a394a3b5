// What the profiles say, and what a priority makes of it.
#include <algorithm>

#include "daemon/policy/field_table.h"

namespace pulsed::policy {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TierFields kBalanced{
    .poll_budget = milliseconds{1},
    .promotion_threshold = {5, 3, 2},
    .promotion_cpu = {milliseconds{10}, milliseconds{6}, milliseconds{3}},
    .slow_poll = milliseconds{2},
    .promotion_slow_polls = {3, 2, 1},
    .window = seconds{1},
    .emergency_poll = milliseconds{5},
    .demotion_good_polls = {100, 75, 50, 25},
    .good_poll = {microseconds{100}, microseconds{200}, microseconds{500}, microseconds{1000}},
    .demotion_min_stay = {seconds{5}, seconds{3}, seconds{2}, seconds{10}},
    .demotion_quiet = seconds{2},
    .promotion_hysteresis = milliseconds{100},
    .demotion_hysteresis = milliseconds{500},
    .cooldown_changes = 4,
    .cooldown_window = seconds{10},
    .cooldown = seconds{5},
    .class_share = 0.5,
    .reports_per_minute = 5,
    .max_tier = Tier::kIsolate,
    .long_poll = milliseconds{10},
    .spare_after = milliseconds{1},
    .max_spare_workers = kAsManyAsWorkers,
    .demote_after = milliseconds{1},
    .demote_to = {OsPriority::Kind::kNice, 13},
    .min_share = 0.02,
};

// What follows from the budget (excess CPU, slow and good polls) keeps balanced's proportion to it.
constexpr TierFields aggressive() {
  TierFields f = kBalanced;
  f.poll_budget = microseconds{500};
  f.promotion_threshold = {2, 3, 3};
  f.promotion_cpu = {milliseconds{5}, milliseconds{3}, microseconds{1500}};
  f.slow_poll = milliseconds{1};
  f.emergency_poll = milliseconds{2};
  f.demotion_good_polls = {30, 40, 50, 100};
  f.good_poll = {microseconds{100}, microseconds{200}, microseconds{500}, microseconds{500}};
  f.spare_after = microseconds{500};
  f.demote_after = microseconds{500};
  f.promotion_hysteresis = milliseconds{50};
  f.demotion_hysteresis = milliseconds{200};
  return f;
}

constexpr TierFields permissive() {
  TierFields f = kBalanced;
  f.poll_budget = milliseconds{5};
  f.promotion_threshold = {10, 15, 20};
  f.promotion_cpu = {milliseconds{50}, milliseconds{30}, milliseconds{15}};
  f.slow_poll = milliseconds{10};
  f.emergency_poll = milliseconds{50};
  f.demotion_good_polls = {10, 15, 20, 25};
  f.long_poll = milliseconds{50};
  f.spare_after = milliseconds{5};
  f.demote_after = milliseconds{5};
  f.promotion_hysteresis = milliseconds{1000};
  f.demotion_hysteresis = milliseconds{2000};
  return f;
}

constexpr std::array<TierFields, kProfileCount> kProfiles{kBalanced, aggressive(), permissive()};

// In halves, so that the factor 0.5 stays an integer.
constexpr std::array<std::uint32_t, kPriorityCount> kFactorHalves{8, 4, 2, 1};

// Names and shares have no multiples.
template <typename T>
T times(const T& value, std::uint32_t /*halves*/) {
  return value;
}

template <typename T>
T within(const T& value, Duration /*most*/) {
  return value;
}

Duration times(Duration value, std::uint32_t halves) {
  return std::max(value * halves / 2, Duration{1});
}

std::uint32_t times(std::uint32_t value, std::uint32_t halves) {
  return std::max(value * halves / 2, 1U);
}

template <typename T, std::size_t N>
std::array<T, N> times(std::array<T, N> values, std::uint32_t halves) {
  for (T& value : values) value = times(value, halves);
  return values;
}

template <std::size_t N>
std::array<Duration, N> within(std::array<Duration, N> values, Duration most) {
  for (Duration& value : values) value = std::min(value, most);
  return values;
}

}  // namespace

TierFields profile_fields(Profile p) { return kProfiles[static_cast<std::size_t>(p)]; }

TierFields scaled(const TierFields& fields, Priority priority) {
  TierFields result = fields;
  const std::uint32_t halves = kFactorHalves[index(priority)];
  const Duration budget = times(fields.poll_budget, halves);
  for_each_tier_field([&](const auto& field) {
    auto& value = result.*field.value;
    switch (field.scaling) {
      case Scaling::kNone:
        break;
      case Scaling::kWithPriority:
        value = times(value, halves);
        break;
      case Scaling::kUpWithPriority:
        value = times(value, std::max(halves, 2U));
        break;
      case Scaling::kWithinBudget:
        value = within(value, budget);
        break;
    }
  });
  return result;
}

}  // namespace pulsed::policy
