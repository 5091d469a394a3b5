#include "daemon/spare_keeper.h"

#include <algorithm>

#include "daemon/collect/in_flight.h"
#include "daemon/policy/hold.h"

namespace pulsed {
namespace {

using collect::Service;
using collect::WorkerView;

bool attached(const WorkerView& worker) { return (worker.state & PULSED_WORKER_ATTACHED) != 0; }

// A spare worker of that run loop, in a poll or between polls?
bool serves(const WorkerView& worker, std::uint32_t run_loop, bool polling) {
  return attached(worker) && worker.spare && worker.run_loop == run_loop &&
         worker.current.valid == polling;
}

}  // namespace

SpareKeeper::Tally* SpareKeeper::find(std::uint32_t run_loop) {
  const auto end = tallies_.begin() + static_cast<std::ptrdiff_t>(loops_);
  const auto found =
      std::find_if(tallies_.begin(), end, [&](const Tally& t) { return t.run_loop == run_loop; });
  return found != end ? &*found : nullptr;
}

void SpareKeeper::count(const Service& service) {
  loops_ = 0;
  for (std::uint32_t i = 0; i < service.workers.size(); ++i) {
    const WorkerView& worker = service.workers[i];
    if (!attached(worker) || worker.isolation || worker.run_loop == 0) continue;
    Tally* tally = find(worker.run_loop);
    if (tally == nullptr) {
      if (loops_ == kMostRunLoops) continue;
      tally = &tallies_[loops_++];
      *tally = {worker.run_loop, 0, 0, 0, 0};
    }
    if (!worker.spare) {
      ++tally->workers;
    } else if (service.words.spare_runs(i)) {
      ++tally->running;
    } else {
      ++tally->parked;
    }
  }
}

void SpareKeeper::count_held(Service& service) {
  for (WorkerView& worker : service.workers) {
    if (!worker.current.held || !attached(worker) || worker.isolation) continue;
    Tally* tally = find(worker.run_loop);
    if (tally == nullptr || worker.run_loop == 0) continue;
    const std::uint32_t allowed = policy::most_spares(
        service.tiers.fields(collect::class_of(worker.current)), tally->workers);
    if (tally->wanted < std::min(allowed, tally->running + tally->parked)) {
      ++tally->wanted;
    } else if (!worker.current.short_of_spares) {
      worker.current.short_of_spares = true;
      ++service.holds.spare_shortages;
    }
  }
}

collect::RunLoop& SpareKeeper::memory_of(Service& service, std::uint32_t run_loop,
                                         policy::Time now) {
  auto& loops = service.run_loops;
  const auto found = std::find_if(loops.begin(), loops.end(),
                                  [&](const auto& loop) { return loop.number == run_loop; });
  return found != loops.end() ? *found : loops.emplace_back(collect::RunLoop{run_loop, now});
}

void SpareKeeper::wake(Service& service, const Tally& tally) {
  std::uint32_t missing = tally.wanted - tally.running;
  // One that still polls what it had when it was parked is no help yet.
  for (const bool polling : {false, true}) {
    for (std::uint32_t i = 0; i < service.workers.size() && missing > 0 && changes_left_ > 0; ++i) {
      if (!serves(service.workers[i], tally.run_loop, polling) || service.words.spare_runs(i))
        continue;
      service.words.run_spare(i);
      ++service.holds.spare_wakes;
      --missing;
      --changes_left_;
    }
  }
}

void SpareKeeper::park(Service& service, const Tally& tally) {
  std::uint32_t surplus = tally.running - tally.wanted;
  // Those between polls first: they are back at once.
  for (const bool polling : {false, true}) {
    for (std::uint32_t i = 0; i < service.workers.size() && surplus > 0 && changes_left_ > 0; ++i) {
      if (!serves(service.workers[i], tally.run_loop, polling) || !service.words.spare_runs(i))
        continue;
      service.words.park_spare(i);
      --surplus;
      --changes_left_;
    }
  }
}

void SpareKeeper::keep(Service& service, policy::Time now) {
  changes_left_ = kMostChangesATick;
  count(service);
  count_held(service);
  for (Tally& tally : std::span(tallies_).first(loops_)) {
    if (tally.wanted == 0 && tally.running == 0) continue;
    collect::RunLoop& loop = memory_of(service, tally.run_loop, now);
    if (tally.wanted >= tally.running) {
      loop.needed_at = now;
      wake(service, tally);
    } else if (now - loop.needed_at >= kLinger) {
      park(service, tally);
    }
  }
  // What runs for a loop that has gone, or whose line changed hands, is parked by its line's number alone.
  service.spares_awake = 0;
  for (std::uint32_t i = 0; i < service.workers.size(); ++i) {
    if (!service.words.spare_runs(i)) continue;
    const bool gone = !attached(service.workers[i]) || !service.workers[i].spare;
    if (gone && changes_left_ > 0) {
      service.words.park_spare(i);
      --changes_left_;
    } else {
      ++service.spares_awake;
    }
  }
  std::erase_if(service.run_loops, [&](const auto& loop) {
    const Tally* tally = find(loop.number);
    return tally == nullptr || (tally->running == 0 && tally->wanted == 0);
  });
}

}  // namespace pulsed
