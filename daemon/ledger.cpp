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
  sum.reports_withheld += tiers.reports_withheld(id);
  sum.poll_duration += view.poll_duration;
  sum.queue_wait += view.queue_wait;
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
}

// What is so now, and ends with the process.
void add_present(ServiceSnapshot& sum, const collect::Service& service,
                 const shm::TickClock& clock) {
  ++sum.processes;
  sum.quarantined = sum.quarantined || service.quarantined;
  const std::uint64_t now = clock.now();
  for (const collect::WorkerView& worker : service.workers) {
    if ((worker.state & PULSED_WORKER_ATTACHED) != 0) ++sum.workers;
    const collect::TrackedPoll& poll = worker.current;
    if (!poll.valid) continue;
    const std::uint64_t age = now > poll.start ? clock.to_ns(now - poll.start) : 0;
    sum.in_flight_longest_ns = std::max(sum.in_flight_longest_ns, age);
    const auto cls = poll.ref >> PULSED_REF_CLASS_SHIFT & PULSED_REF_CLASS_MASK;
    const auto budget = service.tiers.budget(static_cast<policy::ClassId>(cls)).count();
    if (age > static_cast<std::uint64_t>(budget))
      ++sum.in_flight[static_cast<std::size_t>(poll.blame)];
  }
}

void add_present(ClassSnapshot& sum, const policy::TierManager& tiers, policy::ClassId id) {
  for (std::size_t t = 0; t < policy::kTierCount; ++t)
    sum.tasks[t] += tiers.tasks_at(id, static_cast<policy::Tier>(t));
  sum.tier = std::max(sum.tier, tiers.class_tier(id));
}

template <typename Map>
auto& capped(Map& map, const std::string& name, std::size_t cap, std::uint64_t& folded) {
  const auto found = map.find(name);
  if (found != map.end()) return found->second;
  if (map.size() < cap) return map[name];
  ++folded;
  return map[kOther];
}

}  // namespace

Ledger::Entry& Ledger::entry(Entries& entries, const std::string& name,
                             std::uint64_t& folded) const {
  return capped(entries, name, caps_.services, folded);
}

void Ledger::book(Entries& entries, const collect::Service& service, policy::Time now,
                  std::uint64_t& folded) const {
  Entry& e = entry(entries, service.peer.name, folded);
  e.seen = now;
  add_service(e.service, service);
  for (std::size_t i = 0; i < service.classes.size(); ++i) {
    const collect::ClassView& view = service.classes[i];
    if (view.polls == 0 && i == 0)
      continue;  // the unnamed class appears once something polled in it
    ClassSnapshot& sum = capped(e.classes, view.name, caps_.classes_per_service, folded);
    add_class(sum, view, service.tiers, static_cast<policy::ClassId>(i));
  }
}

void Ledger::close(const collect::Service& service, policy::Time now) {
  std::uint64_t folded = 0;
  book(departed_, service, now, folded);
}

void Ledger::fill(Snapshot& snapshot, const std::vector<std::unique_ptr<collect::Service>>& live,
                  const shm::TickClock& clock, policy::Time now) {
  for (const auto& service : live) {
    const auto found = departed_.find(service->peer.name);
    if (found != departed_.end()) found->second.seen = now;
  }
  std::erase_if(departed_, [now](const auto& e) { return now - e.second.seen > kKeptAfterDetach; });
  Entries all = departed_;
  std::uint64_t& folded = snapshot.daemon.folded_label_values;
  for (const auto& service : live) {
    book(all, *service, now, folded);
    Entry& e = entry(all, service->peer.name, folded);
    add_present(e.service, *service, clock);
    for (std::size_t i = 0; i < service->classes.size(); ++i) {
      const auto found = e.classes.find(service->classes[i].name);
      if (found == e.classes.end()) continue;
      add_present(found->second, service->tiers, static_cast<policy::ClassId>(i));
    }
  }
  for (auto& [name, e] : all) {
    e.service.service = name;
    snapshot.services.push_back(std::move(e.service));
    for (auto& [class_name, cls] : e.classes) {
      cls.service = name;
      cls.task_class = class_name;
      snapshot.classes.push_back(std::move(cls));
    }
  }
}

}  // namespace pulsed
