#include "daemon/spare_keeper.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/collect/in_flight.h"
#include "daemon/collect/shadow.h"
#include "daemon/policy/hold.h"

namespace pulsed {
namespace {

using collect::Service;
using collect::WorkerView;

bool attached(const WorkerView& worker) { return (worker.state & PULSED_WORKER_ATTACHED) != 0; }

// Of the run loop of that number; their count if there is none.
std::size_t position(const std::vector<collect::RunLoop>& loops, std::uint32_t number) {
  const auto found =
      std::find_if(loops.begin(), loops.end(), [&](const auto& l) { return l.number == number; });
  return static_cast<std::size_t>(found - loops.begin());
}

// A spare worker of that run loop, in a poll or between polls?
bool serves(const WorkerView& worker, std::uint32_t run_loop, bool polling) {
  return attached(worker) && worker.spare && worker.run_loop == run_loop &&
         worker.current.valid == polling;
}

}  // namespace

void SpareKeeper::find_run_loops(Service& service, policy::Time now) const {
  service.lines_changed = false;
  const std::vector<collect::RunLoop> before = std::exchange(service.run_loops, {});
  service.spares.clear();
  for (std::uint32_t i = 0; i < service.workers.size(); ++i) {
    const WorkerView& worker = service.workers[i];
    if (!attached(worker) || worker.isolation || worker.run_loop == 0) continue;
    std::size_t at = position(service.run_loops, worker.run_loop);
    if (at == service.run_loops.size()) {
      if (at == kMostRunLoops) continue;
      const std::size_t was = position(before, worker.run_loop);
      service.run_loops.push_back(
          was < before.size() ? before[was]
                              : collect::RunLoop{.number = worker.run_loop, .needed_at = now});
      service.run_loops.back().workers = 0;
    }
    if (worker.spare) {
      service.spares.push_back(i);
    } else {
      ++service.run_loops[at].workers;
    }
  }
}

void SpareKeeper::count_spares(const Service& service) {
  tallies_.fill(Tally{});
  for (const std::uint32_t i : service.spares) {
    Tally& tally = tallies_[position(service.run_loops, service.workers[i].run_loop)];
    ++(service.words.spare_runs(i) ? tally.running : tally.parked);
  }
}

void SpareKeeper::count_held(Service& service) {
  for (const std::uint32_t i : service.polling) {
    WorkerView& worker = service.workers[i];
    if (!worker.current.held || !attached(worker) || worker.isolation) continue;
    const std::size_t at = position(service.run_loops, worker.run_loop);
    if (at == service.run_loops.size()) continue;
    Tally& tally = tallies_[at];
    const std::uint32_t allowed = policy::most_spares(
        service.tiers.fields(collect::class_of(worker.current)), service.run_loops[at].workers);
    if (tally.wanted < std::min(allowed, tally.running + tally.parked)) {
      ++tally.wanted;
    } else if (!worker.current.short_of_spares) {
      worker.current.short_of_spares = true;
      ++service.holds.spare_shortages;
    }
  }
}

// With the spare workers that polls of other classes leave.
void SpareKeeper::count_in_shadow(Service& service, policy::Time now) {
  for (const std::uint32_t i : service.polling) {
    WorkerView& worker = service.workers[i];
    if (!worker.current.held_in_shadow || !attached(worker) || worker.isolation) continue;
    const std::size_t at = position(service.run_loops, worker.run_loop);
    if (at == service.run_loops.size()) continue;
    collect::RunLoop& loop = service.run_loops[at];
    Tally& tally = tallies_[at];
    const std::uint32_t allowed =
        policy::most_spares(service.tiers.fields(collect::class_of(worker.current)), loop.workers);
    if (tally.wanted + tally.wanted_in_shadow >= std::min(allowed, tally.running + tally.parked))
      continue;
    const bool woken = ++tally.wanted_in_shadow > loop.would_run;
    if (woken) ++loop.would_run;
    collect::count_spare(service, worker.current, woken);
  }
  service.spares_would_run = false;
  for (std::size_t at = 0; at < service.run_loops.size(); ++at) {
    collect::RunLoop& loop = service.run_loops[at];
    if (tallies_[at].wanted_in_shadow >= loop.would_run) {
      loop.would_be_needed_at = now;
    } else if (now - loop.would_be_needed_at >= kLinger) {
      loop.would_run = tallies_[at].wanted_in_shadow;
    }
    service.spares_would_run = service.spares_would_run || loop.would_run != 0;
  }
}

void SpareKeeper::wake(Service& service, std::uint32_t run_loop, std::uint32_t missing) {
  // One that still polls what it had when it was parked is no help yet.
  for (const bool polling : {false, true}) {
    for (const std::uint32_t i : service.spares) {
      if (missing == 0 || changes_left_ == 0) return;
      if (!serves(service.workers[i], run_loop, polling) || service.words.spare_runs(i)) continue;
      service.words.run_spare(i);
      service.spares_awake.push_back(i);
      ++service.holds.spare_wakes;
      --missing;
      --changes_left_;
    }
  }
}

void SpareKeeper::park(Service& service, std::uint32_t run_loop, std::uint32_t surplus) {
  // Those between polls first: they are back at once.
  for (const bool polling : {false, true}) {
    for (const std::uint32_t i : service.spares) {
      if (surplus == 0 || changes_left_ == 0) return;
      if (!serves(service.workers[i], run_loop, polling) || !service.words.spare_runs(i)) continue;
      service.words.park_spare(i);
      std::erase(service.spares_awake, i);
      --surplus;
      --changes_left_;
    }
  }
}

// What runs on a line that changed hands is parked by the line's number alone.
void SpareKeeper::park_strays(Service& service) {
  std::erase_if(service.spares_awake, [&](std::uint32_t i) {
    const WorkerView& worker = service.workers[i];
    if ((attached(worker) && worker.spare) || changes_left_ == 0) return false;
    service.words.park_spare(i);
    --changes_left_;
    return true;
  });
}

void SpareKeeper::keep(Service& service, policy::Time now) {
  changes_left_ = kMostChangesATick;
  if (service.lines_changed) find_run_loops(service, now);
  count_spares(service);
  count_held(service);
  for (std::size_t at = 0; at < service.run_loops.size(); ++at) {
    collect::RunLoop& loop = service.run_loops[at];
    const Tally& tally = tallies_[at];
    if (tally.wanted >= tally.running) {
      loop.needed_at = now;
      wake(service, loop.number, tally.wanted - tally.running);
    } else if (now - loop.needed_at >= kLinger) {
      park(service, loop.number, tally.running - tally.wanted);
    }
  }
  park_strays(service);
  count_in_shadow(service, now);
}

}  // namespace pulsed
