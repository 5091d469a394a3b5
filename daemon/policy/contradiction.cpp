// Refuses a policy that cannot hold, before anything runs under it.
#include <string>
#include <vector>

#include "daemon/policy/policy.h"

namespace pulsed::policy {
namespace {

using Fault = std::optional<std::string>;

constexpr Duration kLongest = std::chrono::hours{24};
constexpr Duration kShortestWindow = std::chrono::milliseconds{1};
// A sub-bucket of a window counts to 65535, and priority critical raises a threshold fourfold.
constexpr std::uint32_t kMostCounted = 16'383;
constexpr std::uint32_t kMostChanges = 200;  // a sub-bucket of the cooldown window counts to 255
constexpr std::uint32_t kMostGoodPolls = 1'000'000'000;
constexpr std::uint32_t kMostReports = 60'000;

std::string text(Duration d) {
  const auto ns = d.count();
  if (ns != 0 && ns % 1'000'000'000 == 0) return std::to_string(ns / 1'000'000'000) + "s";
  if (ns != 0 && ns % 1'000'000 == 0) return std::to_string(ns / 1'000'000) + "ms";
  if (ns != 0 && ns % 1'000 == 0) return std::to_string(ns / 1'000) + "us";
  return std::to_string(ns) + "ns";
}

Fault outside(std::string_view field, Duration value, Duration least, Duration most) {
  if (value >= least && value <= most) return {};
  return std::string(field) + " " + text(value) + " is outside " + text(least) + " to " +
         text(most);
}

Fault outside(std::string_view field, std::uint32_t value, std::uint32_t least,
              std::uint32_t most) {
  if (value >= least && value <= most) return {};
  return std::string(field) + " " + std::to_string(value) + " is outside " + std::to_string(least) +
         " to " + std::to_string(most);
}

template <typename Array, typename Limit>
Fault each_outside(std::string_view field, const Array& values, Limit least, Limit most) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string at = std::string(field) + "." + std::string(kTierNames[i]);
    if (Fault fault = outside(at, values[i], least, most)) return fault;
  }
  return {};
}

Fault length_fault(const TierFields& f) {
  constexpr Duration kNone{0};
  constexpr Duration kTick{1};
  if (auto e = outside("poll_budget", f.poll_budget, kTick, kLongest)) return e;
  if (auto e = each_outside("promotion_cpu", f.promotion_cpu, kTick, kLongest)) return e;
  if (auto e = outside("slow_poll", f.slow_poll, kTick, kLongest)) return e;
  if (auto e = outside("window", f.window, kShortestWindow, kLongest)) return e;
  if (auto e = outside("emergency_poll", f.emergency_poll, kTick, kLongest)) return e;
  if (auto e = each_outside("good_poll", f.good_poll, kTick, kLongest)) return e;
  if (auto e = each_outside("demotion_min_stay", f.demotion_min_stay, kNone, kLongest)) return e;
  if (auto e = outside("demotion_quiet", f.demotion_quiet, kNone, kLongest)) return e;
  if (auto e = outside("promotion_hysteresis", f.promotion_hysteresis, kNone, kLongest)) return e;
  if (auto e = outside("demotion_hysteresis", f.demotion_hysteresis, kNone, kLongest)) return e;
  if (auto e = outside("cooldown_window", f.cooldown_window, kShortestWindow, kLongest)) return e;
  return outside("cooldown", f.cooldown, kNone, kLongest);
}

Fault count_fault(const TierFields& f) {
  constexpr std::uint32_t kOne = 1;
  if (auto e = each_outside("promotion_threshold", f.promotion_threshold, kOne, kMostCounted)) {
    return e;
  }
  if (auto e = each_outside("promotion_slow_polls", f.promotion_slow_polls, kOne, kMostCounted)) {
    return e;
  }
  if (auto e = each_outside("demotion_good_polls", f.demotion_good_polls, kOne, kMostGoodPolls)) {
    return e;
  }
  if (auto e = outside("cooldown_changes", f.cooldown_changes, kOne, kMostChanges)) return e;
  return outside("reports_per_minute", f.reports_per_minute, 0U, kMostReports);
}

Fault relation_fault(const TierFields& f) {
  if (!(f.class_share > 0.0 && f.class_share <= 1.0)) {
    return "class_share " + std::to_string(f.class_share) + " is not above 0 and at most 1";
  }
  if (index(f.max_tier) >= kTierCount) return "max_tier is not a tier";
  if (f.emergency_poll <= f.poll_budget) {
    return "emergency_poll " + text(f.emergency_poll) + " is not above the poll_budget " +
           text(f.poll_budget);
  }
  if (f.slow_poll < f.poll_budget) {
    return "slow_poll " + text(f.slow_poll) + " is below the poll_budget " + text(f.poll_budget);
  }
  return {};
}

Fault fault_of(const TierFields& f) {
  if (auto e = length_fault(f)) return e;
  if (auto e = count_fault(f)) return e;
  return relation_fault(f);
}

// Whether some text matches both globs. meet[i][j]: the first i of `a` and the first j of `b` can
// spell the same text.
bool overlap(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return true;
  const std::size_t row = b.size() + 1;
  std::vector<bool> meet((a.size() + 1) * row);
  meet[0] = true;
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      bool both = meet[i * row + j];
      if (i > 0 && meet[(i - 1) * row + j]) both = both || a[i - 1] == '*';
      if (j > 0 && meet[i * row + j - 1]) both = both || b[j - 1] == '*';
      if (i > 0 && j > 0) {
        const char x = a[i - 1];
        const char y = b[j - 1];
        if (x == '*') both = both || meet[i * row + j - 1];
        if (y == '*') both = both || meet[(i - 1) * row + j];
        const bool same = x == y || x == '?' || y == '?';
        if (same && x != '*' && y != '*') both = both || meet[(i - 1) * row + j - 1];
      }
      meet[i * row + j] = both;
    }
  }
  return meet[a.size() * row + b.size()];
}

bool overlap(const Match& a, const Match& b) {
  return overlap(a.service, b.service) && overlap(a.task_class, b.task_class);
}

bool any(const Match& m) {
  const auto all = [](std::string_view s) { return s.find_first_not_of('*') == s.npos; };
  return all(m.service) && all(m.task_class);
}

// The fields where exactly rules i and j hold, and with them every rule that matches anything.
// Unscaled: scaled() keeps emergency_poll and slow_poll in proportion to the budget, so what holds
// here holds for every priority.
TierFields fields_under(const Policy& policy, std::size_t i, std::size_t j) {
  TierFields fields = overridden(profile_fields(policy.profile), policy.defaults);
  for (std::size_t r = policy.rules.size(); r-- > 0;) {
    const Rule& rule = policy.rules[r];
    if (r == i || r == j || any(rule.match)) fields = overridden(fields, rule.set);
  }
  return fields;
}

std::string rule_name(std::size_t i) { return "rules[" + std::to_string(i) + "]"; }

}  // namespace

std::optional<std::string> contradiction(const Policy& policy) {
  if (Fault e = fault_of(overridden(profile_fields(policy.profile), policy.defaults))) {
    return "defaults: " + *e;
  }
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    if (Fault e = fault_of(fields_under(policy, i, i))) return rule_name(i) + ": " + *e;
  }
  // Every relation is between two fields, so pairs of rules cover what any number of them can
  // produce.
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    for (std::size_t j = i + 1; j < policy.rules.size(); ++j) {
      if (!overlap(policy.rules[i].match, policy.rules[j].match)) continue;
      if (Fault e = fault_of(fields_under(policy, i, j))) {
        return rule_name(i) + " with " + rule_name(j) + ": " + *e;
      }
    }
  }
  return {};
}

}  // namespace pulsed::policy
