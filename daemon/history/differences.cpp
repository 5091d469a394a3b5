#include "daemon/history/differences.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace pulsed::history {
namespace {

// As Prometheus' increase() has it: what fell began anew.
std::uint64_t since(std::uint64_t now, std::uint64_t before) {
  return now >= before ? now - before : now;
}

template <const auto& Bounds>
HistogramOver<Bounds> since(const HistogramOver<Bounds>& now, const HistogramOver<Bounds>& before) {
  HistogramOver<Bounds> between;
  for (std::size_t i = 0; i < now.counts.size(); ++i) {
    if (now.counts[i] < before.counts[i]) return now;
    between.counts[i] = now.counts[i] - before.counts[i];
  }
  return between;
}

std::optional<std::uint64_t> quantile(const Histogram& histogram, double q) {
  if (histogram.count() == 0) return std::nullopt;
  return quantile_ns(histogram, q);
}

// The classes of the snapshot before, found by name. Snapshots have most of theirs in the same order.
class ClassesBefore {
 public:
  explicit ClassesBefore(const std::vector<ClassSnapshot>& classes) : classes_(classes) {}

  [[nodiscard]] const ClassSnapshot& same_as(const ClassSnapshot& now) {
    if (next_ < classes_.size() && same(classes_[next_], now)) return classes_[next_++];
    if (by_name_.empty()) {
      for (std::size_t i = 0; i < classes_.size(); ++i) by_name_[name(classes_[i])] = i;
    }
    const auto found = by_name_.find(name(now));
    if (found == by_name_.end()) return nothing_;
    next_ = found->second + 1;
    return classes_[found->second];
  }

 private:
  using Name = std::pair<std::string_view, std::string_view>;
  static Name name(const ClassSnapshot& cls) { return {cls.service, cls.task_class}; }
  static bool same(const ClassSnapshot& a, const ClassSnapshot& b) {
    return a.task_class == b.task_class && a.service == b.service;
  }

  const std::vector<ClassSnapshot>& classes_;
  std::size_t next_ = 0;
  std::map<Name, std::size_t> by_name_;  // once it is needed
  const ClassSnapshot nothing_;
};

// By service: the sum falls when a series disappears. There are few.
std::uint64_t dropped_since(const Snapshot& now, const Snapshot& before) {
  std::uint64_t dropped = 0;
  for (const ServiceSnapshot& service : now.services) {
    const auto then = std::find_if(before.services.begin(), before.services.end(),
                                   [&](const auto& s) { return s.service == service.service; });
    dropped +=
        since(service.dropped_samples, then == before.services.end() ? 0 : then->dropped_samples);
  }
  return dropped;
}

DaemonMoment daemon_moment(const Look& look, const Snapshot& before) {
  const DaemonSnapshot& daemon = look.snapshot->daemon;
  return {
      .version = daemon.version,
      .revision = daemon.policy_revision,
      .enforcement = daemon.enforcement,
      .limit = daemon.enforcement_limit,
      .profile = daemon.profile,
      .started_at = daemon.started_at,
      .ready = look.ready,
      .since_tick = look.since_tick,
      .tick_p99_ns = quantile_ns(since(daemon.tick_duration, before.daemon.tick_duration), 0.99),
      .samples = since(daemon.samples, before.daemon.samples),
      .dropped = dropped_since(*look.snapshot, before),
      .high_priority = daemon.high_priority,
      .can_demote = daemon.demotes};
}

ClassMoment class_moment(const ClassSnapshot& now, const ClassSnapshot& before) {
  const Histogram polls = since(now.poll_duration, before.poll_duration);
  const WouldBe& would = now.would_be;
  const WouldBe& had = before.would_be;
  return {.service = now.service,
          .task_class = now.task_class,
          .tier = now.tier,
          .above = now.tasks_above_monitor(),
          .enforcement = now.enforcement,
          .pinned = now.pinned,
          .polls = since(now.polls, before.polls),
          .cpu_ns = since(now.cpu_ns, before.cpu_ns),
          .violations = since(now.violations, before.violations),
          .yields = since(now.yields_obeyed, before.yields_obeyed),
          .isolated_polls = since(now.isolated_polls, before.isolated_polls),
          .demotions = since(now.demotions, before.demotions),
          .would_be = {.yields = since(would.yields, had.yields),
                       .isolated_polls = since(would.isolated_polls, had.isolated_polls),
                       .demotions = since(would.demotions, had.demotions),
                       .spare_wakes = since(would.spare_wakes, had.spare_wakes),
                       .cpu_ns = since(would.cpu_ns, had.cpu_ns)},
          .p50_ns = quantile(polls, 0.5),
          .p99_ns = quantile(polls, 0.99),
          .queue_p99_ns = quantile(since(now.queue_wait, before.queue_wait), 0.99)};
}

// Whether anything of it moved, or it stands out.
bool worth_showing(const ClassMoment& cls) {
  return cls.tier != policy::Tier::kMonitor || cls.above != 0 || cls.pinned || cls.polls != 0 ||
         cls.cpu_ns != 0 || cls.violations != 0 || cls.yields != 0 || cls.isolated_polls != 0 ||
         cls.demotions != 0 || cls.would_be != WouldBe{} || cls.p50_ns || cls.queue_p99_ns;
}

void add_classes(Moment& moment, const Snapshot& now, const Snapshot& before) {
  ClassesBefore classes(before.classes);
  for (const ClassSnapshot& cls : now.classes) {
    ClassMoment shown = class_moment(cls, classes.same_as(cls));
    if (worth_showing(shown)) moment.classes.push_back(std::move(shown));
  }
  std::stable_sort(moment.classes.begin(), moment.classes.end(),
                   [](const auto& a, const auto& b) { return a.cpu_ns > b.cpu_ns; });
  if (moment.classes.size() <= Moment::kMostClasses) return;
  moment.classes_left_out = moment.classes.size() - Moment::kMostClasses;
  moment.classes.erase(moment.classes.begin() + Moment::kMostClasses, moment.classes.end());
}

// Those that poll first, of these the longest in flight; those at rest as they come.
bool shown_before(const WorkerDetail* a, const WorkerDetail* b) {
  const auto age = [](const WorkerDetail* w) {
    return w->in_flight ? w->in_flight->age_ns + 1 : 0;
  };
  return age(a) != age(b) ? age(a) > age(b) : a < b;
}

void add_workers(Moment& moment, const Details& details) {
  std::vector<const WorkerDetail*> workers;
  for (const WorkerDetail& worker : details.workers) {
    if (worker.process < details.processes.size()) workers.push_back(&worker);
  }
  const std::size_t shown = std::min(workers.size(), Moment::kMostWorkers);
  std::partial_sort(workers.begin(), workers.begin() + static_cast<std::ptrdiff_t>(shown),
                    workers.end(), shown_before);
  moment.workers_left_out = details.workers_left_out + workers.size() - shown;
  workers.resize(shown);
  for (const WorkerDetail* worker : workers) {
    const ProcessDetail& process = details.processes[worker->process];
    moment.workers.push_back({process.service, process.pid, *worker});
  }
}

// For so many events in a list.
struct Room {
  std::vector<Event>& list;
  std::uint64_t& left_out;
  std::size_t left;

  void take(Event&& event) {
    if (left == 0) {
      ++left_out;
      return;
    }
    --left;
    list.push_back(std::move(event));
  }
};

// What makes events, each with room of its own.
struct Rooms {
  Room tasks;
  Room ended;
  Room services;
  Room operators;

  Room& operator()(const TierChanged&) { return tasks; }
  Room& operator()(const PollHeld&) { return tasks; }
  Room& operator()(const HeldPollEnded&) { return ended; }
  Room& operator()(const ServiceAttached&) { return services; }
  Room& operator()(const ServiceDetached&) { return services; }
  Room& operator()(const ServiceQuarantined&) { return services; }
  Room& operator()(const PolicyChanged&) { return operators; }
  Room& operator()(const PinChanged&) { return operators; }
};

void add_events(Moment& moment, std::vector<Event>&& events, std::uint64_t lost) {
  moment.events_left_out = lost;
  Rooms rooms{.tasks = {moment.events, moment.events_left_out, Moment::kMostOfTasks},
              .ended = {moment.ended, moment.ended_left_out, Moment::kMostEnded},
              .services = {moment.events, moment.events_left_out, Moment::kMostOfServices},
              .operators = {moment.events, moment.events_left_out, Moment::kMostOfOperators}};
  for (Event& event : events) std::visit(rooms, event.what).take(std::move(event));
}

}  // namespace

Moment Differences::next(Look look) {
  Moment moment;
  moment.at = look.at;
  moment.daemon = daemon_moment(look, *before_);
  moment.services = look.snapshot->services;
  add_classes(moment, *look.snapshot, *before_);
  add_workers(moment, *look.details);
  add_events(moment, std::move(look.events), look.events_lost);
  before_ = std::move(look.snapshot);
  return moment;
}

}  // namespace pulsed::history
