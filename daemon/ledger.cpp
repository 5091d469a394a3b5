#include "daemon/ledger.h"

#include <algorithm>

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
    sum.in_flight_longest_ns = std::max(sum.in_flight_longest_ns, age);
    const auto budget = service.tiers.fields(collect::class_of(poll)).poll_budget.count();
    if (age > static_cast<std::uint64_t>(budget))
      ++sum.in_flight[static_cast<std::size_t>(poll.blame)];
  }
}

void add_present(ClassSnapshot& sum, const policy::TierManager& tiers, policy::ClassId id) {
  for (std::size_t t = 0; t < policy::kTierCount; ++t)
    sum.tasks[t] += tiers.tasks_at(id, static_cast<policy::Tier>(t));
  sum.tier = std::max(sum.tier, tiers.class_tier(id));
  const policy::ClassPolicy& policy = tiers.policy(id);
  sum.enforcement = std::max(sum.enforcement, policy.enforcement);
  if (policy.pinned) sum.pinned = std::max(sum.pinned.value_or(*policy.pinned), *policy.pinned);
}

}  // namespace

// The series that counts for `name`: of its own, if it has one or there is room, or `other`. What was folded stays so
// as long as it is remembered, even if there is room later: its counts would leave `other`.
const std::string& Ledger::series(Names& names, const std::string& name, bool room) {
  if (name == kOther || names.own.contains(name)) return name;
  if (names.folded.contains(name)) return kOther;
  const bool remembers = names.folded.size() < kMostFolded;
  if (room && remembers) return *names.own.insert(name).first;
  if (remembers) {
    names.folded.insert(name);
    ++folded_;
  }
  return kOther;
}

const std::string& Ledger::service_series(const std::string& name) {
  return series(services_, name, services_.own.size() < caps_.services);
}

// A value of the label is one, in however many services.
bool Ledger::room_for_class(const std::string& name) const {
  return class_values_.size() < caps_.classes || class_values_.contains(name);
}

const std::string& Ledger::class_series(Names& names, const std::string& name) {
  const std::size_t before = names.own.size();
  const std::string& found =
      series(names, name, before < caps_.classes_per_service && room_for_class(name));
  if (names.own.size() != before) ++class_values_[name];
  return found;
}

void Ledger::forget_classes(ClassNames::iterator of) {
  for (const std::string& name : of->second.own) {
    const auto value = class_values_.find(name);
    if (--value->second == 0) class_values_.erase(value);
  }
  classes_.erase(of);
}

ClassSnapshot* Ledger::sum_of(Entry& e, const std::string& service_series,
                              const collect::ClassView& view, bool unnamed) {
  // The unnamed class appears once something polled in it.
  if (unnamed && view.polls == 0 && !e.classes.contains(view.name)) return nullptr;
  return &e.classes[class_series(classes_[service_series], view.name)];
}

std::pair<const std::string, Ledger::Entry>& Ledger::book(Entries& entries,
                                                          const collect::Service& service,
                                                          policy::Time now) {
  auto& found = *entries.try_emplace(service_series(service.peer.name)).first;
  auto& [name, e] = found;
  e.seen = now;
  add_service(e.service, service);
  for (std::size_t i = 0; i < service.classes.size(); ++i) {
    const collect::ClassView& view = service.classes[i];
    const auto id = static_cast<policy::ClassId>(i);
    if (ClassSnapshot* sum = sum_of(e, name, view, i == 0))
      add_class(*sum, view, service.tiers, id);
    e.service.reports_withheld += service.tiers.reports_withheld(id);
    e.service.would_be_spare_wakes += view.would_be.spare_wakes;
  }
  return found;
}

void Ledger::close(const collect::Service& service, policy::Time now) {
  book(departed_, service, now);
}

// Lets go of the series that nobody counts in any more, and of the longest gone where live services lack room.
void Ledger::make_room(const Live& live, policy::Time now) {
  std::set<std::string, std::less<>> names;
  for (const auto& service : live) names.insert(service->peer.name);
  std::erase_if(services_.folded, [&](const auto& name) { return !names.contains(name); });
  for (auto& [name, e] : departed_) {
    if (names.contains(name) || (name == kOther && !services_.folded.empty())) e.seen = now;
  }
  std::erase_if(departed_,
                [&](const auto& e) { return now - e.second.seen > caps_.keep_departed; });
  std::erase_if(services_.own, [&](const auto& name) {
    return !names.contains(name) && !departed_.contains(name);
  });
  for (const std::string& name : names) {
    if (name == kOther || services_.own.contains(name) || services_.folded.contains(name)) continue;
    while (services_.own.size() >= caps_.services && release_longest_gone(names)) {
    }
    service_series(name);
  }
  const bool other_counts =
      !services_.folded.empty() || names.contains(kOther) || departed_.contains(kOther);
  for (auto c = classes_.begin(); c != classes_.end();) {
    const auto of = c++;
    if (of->first == kOther ? !other_counts : !services_.own.contains(of->first))
      forget_classes(of);
  }
  make_room_for_classes(live, names);
}

void Ledger::make_room_for_classes(const Live& live,
                                   const std::set<std::string, std::less<>>& names) {
  if (departed_.empty()) return;
  for (const auto& service : live) {
    Names& classes = classes_[service_series(service->peer.name)];
    for (std::size_t i = 1; i < service->classes.size(); ++i) {
      const std::string& name = service->classes[i].name;
      if (name == kOther || classes.own.contains(name) || classes.folded.contains(name)) continue;
      if (classes.own.size() >= caps_.classes_per_service) continue;
      while (!room_for_class(name) && release_longest_gone(names)) {
      }
      class_series(classes, name);
    }
  }
}

bool Ledger::release_longest_gone(const std::set<std::string, std::less<>>& live) {
  auto oldest = departed_.end();
  for (auto e = departed_.begin(); e != departed_.end(); ++e) {
    if (e->first == kOther || live.contains(e->first)) continue;
    if (oldest == departed_.end() || e->second.seen < oldest->second.seen) oldest = e;
  }
  if (oldest == departed_.end()) return false;
  services_.own.erase(oldest->first);
  if (const auto classes = classes_.find(oldest->first); classes != classes_.end())
    forget_classes(classes);
  departed_.erase(oldest);
  return true;
}

void Ledger::fill(Snapshot& snapshot, const Live& live, const shm::TickClock& clock,
                  policy::Time now) {
  make_room(live, now);
  Entries all = departed_;
  for (const auto& service : live) {
    auto& [name, e] = book(all, *service, now);
    add_present(e.service, *service, clock, now);
    for (std::size_t i = 0; i < service->classes.size(); ++i) {
      if (ClassSnapshot* sum = sum_of(e, name, service->classes[i], i == 0))
        add_present(*sum, service->tiers, static_cast<policy::ClassId>(i));
    }
  }
  snapshot.daemon.folded_label_values = folded_;
  for (auto& [name, e] : all) {
    e.service.service = name;
    for (auto& [class_name, cls] : e.classes) {
      cls.service = name;
      cls.task_class = class_name;
      if (cls.pinned) ++e.service.pinned_classes;
      snapshot.classes.push_back(std::move(cls));
    }
    snapshot.services.push_back(std::move(e.service));
  }
}

}  // namespace pulsed
