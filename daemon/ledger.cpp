#include "daemon/ledger.h"

#include <algorithm>

#include "daemon/policy/hold.h"

namespace pulsed {
namespace {

const std::string kOther = "other";

void add_class(ClassSnapshot& sum, const collect::ClassView& view, const policy::TierManager& tiers,
               policy::ClassId id) {
  sum.polls += view.polls;
  sum.cpu_ns += view.cpu_ns + view.in_flight_cpu_ns;
  sum.violations += tiers.violations(id);
  sum.yields_obeyed += view.yields;
  sum.isolated_polls += view.isolated_polls;
  sum.demotions += view.demotions;
  sum.would_be += view.would_be;
  sum.poll_duration += view.poll_duration;
  sum.queue_wait += view.queue_wait;
}

void add_holds(ServiceSnapshot& sum, const collect::HoldCounts& holds) {
  for (std::size_t b = 0; b < policy::kBlameCount; ++b) sum.held_polls[b] += holds.held_polls[b];
  sum.spare_wakes += holds.spare_wakes;
  sum.spare_shortages += holds.spare_shortages;
  sum.demotions += holds.demotions;
  sum.demotions_refused += holds.demotions_refused;
  sum.boosts += holds.boosts;
  sum.demoted_ns += static_cast<std::uint64_t>(holds.demoted.count());
  sum.undo_latency += holds.undo_latency;
}

void add_service(ServiceSnapshot& sum, const collect::Service& service) {
  for (std::size_t from = 0; from < policy::kTierCount; ++from) {
    for (std::size_t to = 0; to < policy::kTierCount; ++to) {
      sum.tier_changes[from][to] += service.tier_changes[from][to];
    }
  }
  const act::DirectiveCounts& directives = service.directives.counts();
  sum.class_changes += service.class_changes;
  sum.directives_measure += directives.measure;
  sum.directives_yield += directives.yield;
  sum.directives_isolate += directives.isolate;
  sum.dropped_samples += service.dropped_samples;
  sum.rejected_records += service.rejected_records;
  sum.skipped_samples += service.skipped_samples;
  sum.tasks_without_slot += service.tasks_without_slot;
  sum.clock_reads += service.clock_reads;
  sum.late_clock_reads += service.late_clock_reads;
  add_holds(sum, service.holds);
}

// What is so now, and ends with the process.
void add_present(ServiceSnapshot& sum, const collect::Service& service, const shm::TickClock& clock,
                 policy::Time at) {
  ++sum.processes;
  sum.quarantined = sum.quarantined || service.quarantined;
  const std::uint64_t now = clock.now();
  for (const collect::WorkerView& worker : service.workers) {
    if ((worker.state & PULSED_WORKER_ATTACHED) != 0) ++sum.workers;
    if (worker.demotion) {
      ++sum.demoted_threads;
      sum.demoted_ns += static_cast<std::uint64_t>((at - worker.demotion->since).count());
    }
    if (worker.spare && (worker.state & PULSED_WORKER_ATTACHED) != 0) {
      const auto line = static_cast<std::uint32_t>(&worker - service.workers.data());
      ++(service.words.spare_runs(line) ? sum.spare_workers_awake : sum.spare_workers_parked);
    }
    const collect::TrackedPoll& poll = worker.current;
    if (!poll.valid) continue;
    const std::uint64_t age = now > poll.start ? clock.to_ns(now - poll.start) : 0;
    const policy::HoldVerdict verdict = policy::judge_hold(
        service.tiers.fields(collect::class_of(poll)),
        {policy::Duration{static_cast<std::int64_t>(age)}, poll.cpu, poll.blame, worker.isolation});
    if (verdict.over_budget) ++sum.in_flight_over_budget;
    if (worker.isolation) continue;  // nobody waits behind it
    sum.in_flight_longest_ns = std::max(sum.in_flight_longest_ns, age);
    if (verdict.holds) ++sum.holding_polls[static_cast<std::size_t>(poll.blame)];
  }
}

void add_present(ClassSnapshot& sum, const policy::TierManager& tiers, policy::ClassId id) {
  for (std::size_t t = 0; t < policy::kTierCount; ++t)
    sum.tasks[t] += tiers.tasks_at(id, static_cast<policy::Tier>(t));
  sum.tier = std::max(sum.tier, tiers.class_tier(id));
  const policy::ClassPolicy& policy = tiers.policy(id);
  if (policy.pinned) sum.pinned = std::max(sum.pinned.value_or(*policy.pinned), *policy.pinned);
}

}  // namespace

// What was folded stays so as long as it is remembered, even if there is room later.
void Ledger::fold(Names& folded, const std::string& name) {
  if (folded.size() < kMostFolded) folded.insert(name);
  ++folded_;
}

Ledger::ServiceSeries& Ledger::service_series(const std::string& name) {
  if (const auto found = series_.find(name); found != series_.end()) return found->second;
  bool own = name != kOther && !folded_services_.contains(name);
  if (own && !room_for_service()) {
    fold(folded_services_, name);
    own = false;
  }
  ServiceSeries& series = series_[own ? name : kOther];
  series.gone.service = own ? name : kOther;
  return series;
}

Ledger::ClassSeries& Ledger::class_series(ServiceSeries& of, const std::string& name) {
  if (const auto found = of.classes.find(name); found != of.classes.end()) return found->second;
  bool own = name != kOther && !of.folded.contains(name);
  if (own && !(of.own < caps_.classes_per_service && room_for_class(name))) {
    fold(of.folded, name);
    own = false;
  }
  if (own) {
    ++of.own;
    ++own_classes_;
    ++class_names_[name];
  }
  ClassSeries& series = of.classes[own ? name : kOther];
  series.gone.service = of.gone.service;
  series.gone.task_class = own ? name : kOther;
  return series;
}

bool Ledger::room_for_service() const {
  return series_.size() - series_.count(kOther) < caps_.services;
}

// A value of the label is one, in however many services.
bool Ledger::room_for_class(const std::string& name) const {
  return own_classes_ < caps_.classes &&
         (class_names_.size() < caps_.class_names || class_names_.contains(name));
}

void Ledger::forget_classes(const ServiceSeries& of) {
  own_classes_ -= of.own;
  for (const auto& [name, series] : of.classes) {
    if (name == kOther) continue;
    const auto value = class_names_.find(name);
    if (--value->second == 0) class_names_.erase(value);
  }
}

// Of a service and of all classes that it has registered. Names that are new may take the room of departed services, unless
// `live` is null.
Ledger::Assigned& Ledger::assign(const collect::Service& service, const Names* live) {
  const auto [found, is_new] = assigned_.try_emplace(&service);
  Assigned& assigned = found->second;
  if (is_new) {
    const std::string& name = service.peer.name;
    const bool known = name == kOther || series_.contains(name) || folded_services_.contains(name);
    while (live != nullptr && !known && !room_for_service() && release_longest_gone(*live)) {
    }
    assigned.service = &service_series(name);
  }
  ServiceSeries& of = *assigned.service;
  for (std::size_t i = assigned.classes.size(); i < service.classes.size(); ++i) {
    const std::string& name = service.classes[i].name;
    const bool known = name == kOther || of.classes.contains(name) || of.folded.contains(name);
    const bool wants_room = i != 0 && !known && of.own < caps_.classes_per_service;
    while (live != nullptr && wants_room && !room_for_class(name) && release_longest_gone(*live)) {
    }
    assigned.classes.push_back(i == 0 ? nullptr : &class_series(of, name));
  }
  // The unnamed class appears once something polled in it.
  if (!assigned.classes.empty() && assigned.classes[0] == nullptr) {
    const collect::ClassView& unnamed = service.classes[0];
    if (unnamed.polls != 0 || of.classes.contains(unnamed.name))
      assigned.classes[0] = &class_series(of, unnamed.name);
  }
  return assigned;
}

void Ledger::add_counts(const collect::Service& service, const Assigned& assigned) {
  ServiceSnapshot& sum = *assigned.service->sum;
  add_service(sum, service);
  for (std::size_t i = 0; i < assigned.classes.size(); ++i) {
    const collect::ClassView& view = service.classes[i];
    const auto id = static_cast<policy::ClassId>(i);
    sum.reports_withheld += service.tiers.reports_withheld(id);
    sum.would_be_spare_wakes += view.would_be.spare_wakes;
    if (assigned.classes[i] == nullptr) continue;
    ClassSeries& series = *assigned.classes[i];
    add_class(*series.sum, view, service.tiers, id);
    // What departed processes had holds no more where there is one that has not.
    policy::Enforcement& enforcement = series.sum->enforcement;
    const policy::Enforcement here = service.tiers.policy(id).enforcement;
    enforcement = series.enforced_by_live ? std::max(enforcement, here) : here;
    series.enforced_by_live = true;
  }
}

void Ledger::close(const collect::Service& service, policy::Time now) {
  const Assigned& assigned = assign(service, nullptr);
  ServiceSeries& of = *assigned.service;
  of.seen = now;
  of.sum = &of.gone;
  for (ClassSeries* series : assigned.classes) {
    if (series == nullptr) continue;
    series->sum = &series->gone;
    series->enforced_by_live = false;
  }
  add_counts(service, assigned);
  assigned_.erase(&service);
}

void Ledger::let_go(const Names& live, policy::Time now) {
  std::erase_if(folded_services_, [&](const auto& name) { return !live.contains(name); });
  for (const std::string& name : live) {
    if (const auto found = series_.find(name); found != series_.end()) found->second.seen = now;
  }
  for (auto& [service, assigned] : assigned_) assigned.service->seen = now;
  std::erase_if(series_, [&](const auto& entry) {
    if (now - entry.second.seen <= caps_.keep_departed) return false;
    forget_classes(entry.second);
    return true;
  });
}

bool Ledger::release_longest_gone(const Names& live) {
  auto oldest = series_.end();
  for (auto s = series_.begin(); s != series_.end(); ++s) {
    if (s->first == kOther || live.contains(s->first)) continue;
    if (oldest == series_.end() || s->second.seen < oldest->second.seen) oldest = s;
  }
  if (oldest == series_.end()) return false;
  forget_classes(oldest->second);
  series_.erase(oldest);
  return true;
}

// With what departed processes had counted, and room for what is added.
void Ledger::begin(Snapshot& snapshot) {
  snapshot.services.reserve(series_.size());
  snapshot.classes.reserve(own_classes_ + series_.size());  // and each `other`
  for (auto& [name, of] : series_) {
    of.sum = &snapshot.services.emplace_back(of.gone);
    for (auto& [class_name, series] : of.classes) {
      series.sum = &snapshot.classes.emplace_back(series.gone);
      series.enforced_by_live = false;
    }
  }
}

void Ledger::fill(Snapshot& snapshot, const Live& live, const shm::TickClock& clock,
                  policy::Time now, const std::function<void()>& between) {
  Names names;
  for (const auto& service : live) names.insert(service->peer.name);
  let_go(names, now);
  for (const auto& service : live) {
    assign(*service, &names);
    between();
  }
  begin(snapshot);
  for (const auto& service : live) {
    const Assigned& assigned = assigned_.at(service.get());
    add_counts(*service, assigned);
    add_present(*assigned.service->sum, *service, clock, now);
    for (std::size_t i = 0; i < assigned.classes.size(); ++i) {
      if (assigned.classes[i] != nullptr)
        add_present(*assigned.classes[i]->sum, service->tiers, static_cast<policy::ClassId>(i));
    }
    between();
  }
  for (const auto& [name, of] : series_) {
    for (const auto& [class_name, series] : of.classes) {
      if (series.sum->pinned) ++of.sum->pinned_classes;
    }
  }
  snapshot.daemon.folded_label_values = folded_;
}

}  // namespace pulsed
