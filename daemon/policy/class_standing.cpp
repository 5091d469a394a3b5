#include "daemon/policy/class_standing.h"

#include <numeric>

namespace pulsed::policy {
namespace {

constexpr Duration kReportWindow = std::chrono::minutes{1};

template <typename T>
T sum_from(const std::array<T, kTierCount>& by_tier, Tier tier) {
  return std::accumulate(by_tier.begin() + static_cast<std::ptrdiff_t>(index(tier)), by_tier.end(),
                         T{});
}

}  // namespace

ClassStanding::ClassStanding(ClassClock& clock, const ClassPolicy& policy, Time now)
    : clock_(&clock) {
  set_policy(policy, now);
}

void ClassStanding::set_policy(const ClassPolicy& policy, Time now) {
  const bool window_changed = policy.fields.window != policy_.fields.window;
  policy_ = policy;
  clock_->quiet_limit = policy_.fields.poll_budget;
  if (window_changed) restart_window(now);
}

void ClassStanding::restart_window(Time now) {
  width_ = sub_bucket_width(policy_.fields.window);
  number_ = static_cast<std::uint64_t>(now / width_);
  buckets_.fill(Counts{});
  total_ = Counts{};
  clock_->stamp += 2 * kSubBuckets;  // older stamps are out of the window at once
  clock_->bucket_end = width_ * (number_ + 1);
}

std::uint32_t ClassStanding::advance(Time now) {
  if (now < clock_->bucket_end) return clock_->stamp;
  const auto number = static_cast<std::uint64_t>(now / width_);
  const std::uint64_t steps = number - number_;
  if (steps >= kSubBuckets) {
    buckets_.fill(Counts{});
    total_ = Counts{};
  } else {
    for (std::uint32_t s = 1; s <= steps; ++s) expire(bucket(clock_->stamp + s));
  }
  number_ = number;
  clock_->stamp += static_cast<std::uint32_t>(steps);
  clock_->bucket_end = width_ * (number + 1);
  return clock_->stamp;
}

void ClassStanding::expire(Counts& bucket) {
  for (std::size_t t = 0; t < kTierCount; ++t) {
    total_.burned[t] -= bucket.burned[t];
    total_.violators[t] -= bucket.violators[t];
  }
  total_.active -= bucket.active;
  total_.departed.burned -= bucket.departed.burned;
  total_.departed.violators -= bucket.departed.violators;
  total_.departed.violations -= bucket.departed.violations;
  total_.departed.slow_polls -= bucket.departed.slow_polls;
  bucket = Counts{};
}

void ClassStanding::count_active(TaskState& task) {
  if (task.active_stamp == clock_->stamp) return;
  drop_active(task);
  ++bucket(clock_->stamp).active;
  ++total_.active;
  task.active_stamp = clock_->stamp;
}

void ClassStanding::drop_active(TaskState& task) {
  if (in_window(task.active_stamp)) {
    --bucket(task.active_stamp).active;
    --total_.active;
  }
  task.active_stamp = 0;
}

void ClassStanding::count(const Offense& offense, Tier tier, OffenseWindow& window, Time now) {
  const std::size_t t = index(tier);
  const std::uint32_t stamp = clock_->stamp;
  violations_ += offense.violation ? 1 : 0;
  last_offense_ = now;
  bucket(stamp).burned[t] += offense.excess;
  total_.burned[t] += offense.excess;
  if (window.violator_stamp == stamp) return;
  if (in_window(window.violator_stamp)) {
    --bucket(window.violator_stamp).violators[t];
    --total_.violators[t];
  }
  ++bucket(stamp).violators[t];
  ++total_.violators[t];
  window.violator_stamp = stamp;
}

void ClassStanding::count_unslotted(const Offense& offense, Time now) {
  violations_ += offense.violation ? 1 : 0;
  last_offense_ = now;
  bucket(clock_->stamp).burned[index(Tier::kMonitor)] += offense.excess;
  total_.burned[index(Tier::kMonitor)] += offense.excess;
}

void ClassStanding::task_moved(OffenseWindow& window, Tier from, Tier to) {
  for (std::uint32_t b = 0; b < kSubBuckets; ++b) {
    const Duration burned = window.burned()[b];
    buckets_[b].burned[index(from)] -= burned;
    buckets_[b].burned[index(to)] += burned;
    total_.burned[index(from)] -= burned;
    total_.burned[index(to)] += burned;
  }
  if (!in_window(window.violator_stamp)) return;
  Counts& counts = bucket(window.violator_stamp);
  --counts.violators[index(from)];
  --total_.violators[index(from)];
  ++counts.violators[index(to)];
  ++total_.violators[index(to)];
}

void ClassStanding::task_left(const OffenseWindow& window, Tier tier) {
  if (tier != tier_) return;
  for (std::uint32_t b = 0; b < kSubBuckets; ++b) {
    const Departed left{.burned = window.burned()[b],
                        .violations = window.violation_counts()[b],
                        .slow_polls = window.slow_counts()[b]};
    for (Departed* to : {&buckets_[b].departed, &total_.departed}) {
      to->burned += left.burned;
      to->violations += left.violations;
      to->slow_polls += left.slow_polls;
    }
  }
  if (!in_window(window.violator_stamp)) return;
  ++bucket(window.violator_stamp).departed.violators;
  ++total_.departed.violators;
}

bool ClassStanding::departed_due() const {
  const std::size_t t = index(tier_);
  if (t >= policy_.fields.promotion_cpu.size()) return false;
  const Departed& left = total_.departed;
  return left.violations >= policy_.fields.promotion_threshold[t] ||
         left.burned >= policy_.fields.promotion_cpu[t] ||
         left.slow_polls >= policy_.fields.promotion_slow_polls[t];
}

std::uint32_t ClassStanding::violators_from(Tier tier) const {
  const bool next = index(tier) == index(tier_) + 1;
  return sum_from(total_.violators, tier) +
         (next && departed_due() ? total_.departed.violators : 0);
}

bool ClassStanding::shares_hold(Tier tier) const {
  const std::uint32_t violators = violators_from(tier);
  if (violators == 0) return false;
  const bool next = index(tier) == index(tier_) + 1;
  const Duration burned = sum_from(total_.burned, tier) +
                          (next && departed_due() ? total_.departed.burned : Duration{});
  const Duration all = sum_from(total_.burned, Tier::kMonitor);
  const double share = policy_.fields.class_share;
  return static_cast<double>(burned.count()) >= share * static_cast<double>(all.count()) &&
         violators >= share * total_.active;
}

std::optional<Tier> ClassStanding::decide(Time now) {
  if (pinned()) return {};
  for (std::size_t t = index(policy_.fields.max_tier); t > index(tier_); --t) {
    const Tier to{static_cast<std::uint8_t>(t)};
    if (violators_from(to) < kClassMinOffenders || !shares_hold(to)) continue;
    move_to(to, now);
    last_held_ = last_offense_;
    return to;
  }
  if (tier_ == Tier::kMonitor) return {};
  const bool holds = shares_hold(tier_);
  if (holds && last_offense_ > judged_) last_held_ = last_offense_;
  judged_ = last_offense_;
  if (holds || now - last_held_ < policy_.fields.demotion_quiet) return {};
  if (now - since_ < policy_.fields.demotion_min_stay[index(tier_)]) return {};
  if (now - since_ < policy_.fields.demotion_hysteresis) return {};
  move_to(Tier{static_cast<std::uint8_t>(index(tier_) - 1)}, now);
  return tier_;
}

void ClassStanding::keep_in_bounds(Time now) {
  const Tier to = allowed(tier_);
  if (to != tier_) move_to(to, now);
}

std::uint32_t ClassStanding::tasks_out_of_bounds() const {
  std::uint32_t tasks = 0;
  for (std::size_t t = 0; t < kTierCount; ++t) {
    const Tier tier{static_cast<std::uint8_t>(t)};
    if (allowed(tier) != tier) tasks += tasks_at[t];
  }
  return tasks;
}

void ClassStanding::move_to(Tier to, Time now) {
  tier_ = to;
  since_ = now;
  // What closed tasks handed on counted towards the tier just left.
  for (Counts& counts : buckets_) counts.departed = Departed{};
  total_.departed = Departed{};
}

bool ClassStanding::idle() const {
  return tier_ == Tier::kMonitor && sum_from(total_.burned, Tier::kMonitor) == Duration{} &&
         sum_from(total_.violators, Tier::kMonitor) == 0;
}

bool ClassStanding::take_report(Time now) {
  if (reports_.sum(now, kReportWindow) < policy_.fields.reports_per_minute) {
    reports_.add(now, kReportWindow);
    return true;
  }
  ++reports_withheld_;
  return false;
}

}  // namespace pulsed::policy
