#include "daemon/metrics/families.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/metrics/catalogue.h"
#include "daemon/metrics/label.h"

namespace pulsed::metrics {
namespace {

using enum Series;
using prometheus::ClientMetric;
using prometheus::MetricFamily;

constexpr double kNanosecondsPerSecond = 1e9;

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / kNanosecondsPerSecond; }

prometheus::MetricType model_type(Type type) {
  switch (type) {
    case Type::kCounter:
      return prometheus::MetricType::Counter;
    case Type::kGauge:
      return prometheus::MetricType::Gauge;
    case Type::kHistogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

// With the published ones of its bounds.
template <const auto& Published, const auto& Bounds>
ClientMetric::Histogram model_histogram(const HistogramOver<Bounds>& from) {
  static_assert(std::ranges::includes(Bounds, Published) && Bounds.back() == Published.back());
  ClientMetric::Histogram to;
  to.sample_sum = seconds(from.sum_ns);
  to.bucket.reserve(Published.size());
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < Bounds.size(); ++i) {
    cumulative += from.counts[i];
    if (Bounds[i] == Published[to.bucket.size()]) {
      to.bucket.push_back({cumulative, seconds(Bounds[i])});
    }
  }
  // The serializer adds the +Inf bucket from the count.
  to.sample_count = cumulative + from.counts.back();
  return to;
}

ClientMetric::Histogram model(const Histogram& from) {
  return model_histogram<kPublishedDurationBoundsNs>(from);
}
ClientMetric::Histogram model(const TickHistogram& from) {
  return model_histogram<kTickBoundsNs>(from);
}

// The families of the catalogue, being filled. Label values come in the order of the catalogue's
// labels, already fit to be label values.
class Families {
 public:
  using Labels = std::initializer_list<std::string_view>;

  explicit Families(const Snapshot& snapshot) : families_(kSeriesCount) {
    for (const Entry& e : catalogue()) {
      MetricFamily& family = families_[static_cast<std::size_t>(e.series)];
      family.name = e.name;
      family.help = e.help;
      family.type = model_type(e.type);
      if (scope(e) == Scope::kClass) family.metric.reserve(snapshot.classes.size());
    }
  }

  void number(Series series, double value, Labels labels = {}) {
    ClientMetric& metric = add(series, labels);
    if (entry(series).type == Type::kCounter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
  }
  // Counts are exact up to 2^53, which is what Prometheus keeps.
  void number(Series series, std::uint64_t value, Labels labels = {}) {
    number(series, static_cast<double>(value), labels);
  }
  void number(Series series, bool value, Labels labels = {}) {
    number(series, value ? 1.0 : 0.0, labels);
  }
  template <const auto& Bounds>
  void histogram(Series series, const HistogramOver<Bounds>& value, Labels labels = {}) {
    add(series, labels).histogram = model(value);
  }

  std::vector<MetricFamily> take() {
    std::erase_if(families_, [](const MetricFamily& f) { return f.metric.empty(); });
    return std::move(families_);
  }

 private:
  ClientMetric& add(Series series, Labels values) {
    ClientMetric& metric = families_[static_cast<std::size_t>(series)].metric.emplace_back();
    metric.label.reserve(values.size());
    std::size_t i = 0;
    for (const std::string_view value : values) {
      metric.label.push_back({std::string(entry(series).labels[i++]), std::string(value)});
    }
    return metric;
  }

  std::vector<MetricFamily> families_;
};

void add_class(Families& families, const ClassSnapshot& c) {
  const std::string service = label_value(c.service);
  const std::string task_class = label_value(c.task_class);
  const Families::Labels labels{service, task_class};
  families.number(kPolls, c.polls, labels);
  families.number(kCpuSeconds, seconds(c.cpu_ns), labels);
  families.number(kViolations, c.violations, labels);
  families.number(kYieldsObeyed, c.yields_obeyed, labels);
  families.number(kIsolatedPolls, c.isolated_polls, labels);
  families.number(kWouldYields, c.would_be.yields, labels);
  families.number(kWouldIsolatedPolls, c.would_be.isolated_polls, labels);
  families.number(kWouldDemotions, c.would_be.demotions, labels);
  families.number(kWouldCoverCpu, seconds(c.would_be.cpu_ns), labels);
  families.histogram(kPollDuration, c.poll_duration, labels);
  families.histogram(kQueueWait, c.queue_wait, labels);
  for (std::size_t tier = 0; tier < policy::kTierCount; ++tier) {
    families.number(kTasks, c.tasks[tier], {service, task_class, policy::kTierNames[tier]});
  }
  families.number(kClassTier, static_cast<double>(policy::index(c.tier)),
                  {service, task_class, policy::name(c.enforcement)});
}

void add_tier_changes(Families& families, const ServiceSnapshot& s, std::string_view service) {
  for (std::size_t from = 0; from < policy::kTierCount; ++from) {
    for (std::size_t to = 0; to < policy::kTierCount; ++to) {
      if (s.tier_changes[from][to] == 0) continue;
      families.number(kTierChanges, s.tier_changes[from][to],
                      {service, policy::kTierNames[from], policy::kTierNames[to]});
    }
  }
}

void add_holds(Families& families, const ServiceSnapshot& s, std::string_view service) {
  for (std::size_t blame = 0; blame < policy::kBlameCount; ++blame) {
    families.number(kHeldPolls, s.held_polls[blame], {service, policy::kBlameNames[blame]});
  }
  families.number(kSpareWorkers, s.spare_workers_parked, {service, "parked"});
  families.number(kSpareWorkers, s.spare_workers_awake, {service, "awake"});
  families.number(kSpareWakes, s.spare_wakes, {service});
  families.number(kWouldSpareWakes, s.would_be_spare_wakes, {service});
  families.number(kSpareShortages, s.spare_shortages, {service});
  families.number(kDemotedThreads, s.demoted_threads, {service});
  families.number(kDemotions, s.demotions, {service});
  families.number(kDemotionsRefused, s.demotions_refused, {service});
  families.number(kDemotionBoosts, s.boosts, {service});
  families.number(kDemotedSeconds, seconds(s.demoted_ns), {service});
  families.histogram(kDemotionUndo, s.undo_latency, {service});
}

void add_service(Families& families, const ServiceSnapshot& s) {
  const std::string service = label_value(s.service);
  add_tier_changes(families, s, service);
  families.number(kClassTierChanges, s.class_changes, {service});
  families.number(kReportsWithheld, s.reports_withheld, {service});
  families.number(kDirectives, s.directives_measure, {service, "measure"});
  families.number(kDirectives, s.directives_yield, {service, "yield"});
  families.number(kDirectives, s.directives_isolate, {service, "isolate"});
  for (std::size_t blame = 0; blame < policy::kBlameCount; ++blame) {
    families.number(kInFlightPolls, s.holding_polls[blame], {service, policy::kBlameNames[blame]});
  }
  families.number(kInFlightLongest, seconds(s.in_flight_longest_ns), {service});
  families.number(kDroppedSamples, s.dropped_samples, {service});
  families.number(kRejectedRecords, s.rejected_records, {service});
  families.number(kSkippedSamples, s.skipped_samples, {service});
  families.number(kTasksWithoutSlot, s.tasks_without_slot, {service});
  families.number(kClockReads, s.clock_reads, {service});
  families.number(kLateClockReads, s.late_clock_reads, {service});
  add_holds(families, s, service);
  families.number(kQuarantined, s.quarantined, {service});
  families.number(kPinnedClasses, s.pinned_classes, {service});
  families.number(kServiceProcesses, s.processes, {service});
  families.number(kServiceWorkers, s.workers, {service});
}

void add_daemon(Families& families, const DaemonSnapshot& d) {
  families.histogram(kTickDuration, d.tick_duration);
  families.histogram(kTickLateness, d.tick_lateness);
  families.number(kSamples, d.samples);
  families.number(kAttaches, d.attaches);
  families.number(kDetaches, d.detaches);
  families.number(kAttachesRefused, d.attaches_refused);
  families.number(kQuarantines, d.quarantines);
  families.number(kFoldedLabelValues, d.folded_label_values);
  families.number(kEventsLeftOut, d.events_left_out);
  families.number(kPolicyInfo, true,
                  {std::to_string(d.policy_revision), policy::name(d.enforcement),
                   policy::name(d.enforcement_limit)});
  families.number(kPolicyReloads, d.policy_reloads);
  families.number(kPolicyReloadFailures, d.policy_reload_failures);
  families.number(kHighPriority, d.high_priority);
  families.number(kExactRunTimes, d.exact_run_times);
  families.number(kCanDemote, d.demotes);
  families.number(kUndoneByGuardian, d.undone_by_guardian);
  families.number(kBuildInfo, true, {label_value(d.version)});
  const std::chrono::duration<double> started = d.started_at.time_since_epoch();
  families.number(kProcessStart, started.count());
}

void add_off_loop(Families& families, const OffLoop& o) {
  families.number(kRevisionsDurable, o.revisions_durable);
  families.number(kRevisionStoreFailures, o.revision_store_failures);
  families.number(kHttpConnectionsRefused, o.http_connections_refused);
  families.number(kHttpRepliesRefused, o.http_replies_refused);
  families.number(kHttpWatchersRefused, o.http_watchers_refused);
  families.number(kHttpWatchers, o.http_watchers);
  families.number(kApiConnectionsRefused, o.api_connections_refused);
  for (const ApiCalls& c : o.api_calls) {
    families.number(kApiCalls, c.calls, {label_value(c.method), label_value(c.code)});
  }
  families.number(kLogLinesDropped, o.log_lines_dropped);
  families.number(kProcessCpu, std::chrono::duration<double>(o.process.cpu).count());
  families.number(kProcessResident, o.process.resident_bytes);
  families.number(kProcessOpenFds, o.process.open_descriptors);
  families.number(kProcessMaxFds, o.process.most_descriptors);
}

}  // namespace

std::vector<MetricFamily> SnapshotCollectable::Collect() const {
  Families families(snapshot_);
  for (const ClassSnapshot& c : snapshot_.classes) add_class(families, c);
  for (const ServiceSnapshot& s : snapshot_.services) add_service(families, s);
  add_daemon(families, snapshot_.daemon);
  add_off_loop(families, off_loop_);
  return families.take();
}

}  // namespace pulsed::metrics
