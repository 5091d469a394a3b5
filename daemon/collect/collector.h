// Reads what services write: the way of a sample from a ring into the TierManager and the counters.
//
// The control loop's thread alone. A tick costs what moved: of a worker at rest it looks at the line and at the little
// that is kept of resting workers, of tasks at rest at a few in turn.
#pragma once

#include <cstdint>
#include <functional>

#include "daemon/collect/service.h"
#include "shared_memory/tick_clock.h"

namespace pulsed::collect {

// One moment on both clocks.
struct Moment {
  Time now;
  std::uint64_t ticks;
};

struct Collected {
  std::uint64_t samples = 0;
  bool in_flight = false;            // some worker polls something now
  bool more_waiting = false;         // rings held more than one tick takes
  std::uint32_t threads_sought = 0;  // in /proc, which is slow
  std::uint32_t clocks_opened = 0;
  // Until a poll in flight may reach its budget or its emergency.
  Duration next_look = Duration::max();
};

// What holds for a class that the service has just registered.
using PolicyOf = std::function<policy::ClassPolicy(const Service&, const ClassView&)>;

class Collector {
 public:
  // `perf_events`: the daemon may read other processes' CPU clocks; without, their shims are asked.
  Collector(const shm::TickClock& clock, bool perf_events, PolicyOf policy_of)
      : clock_(clock), perf_events_(perf_events), policy_of_(std::move(policy_of)) {}

  // Finds new workers and classes; of each worker looks at the poll in flight, then drains the ring: in this order, so
  // that the end of a poll that was seen in flight comes after the look. `begin` is the begin of the tick.
  void collect(Service& service, Moment begin, Collected& collected) const;
  // After the loop stood still too long to date what waits: nothing in the rings is judged.
  void skip_backlog(Service& service) const;
  // The shim's answer to a request for CPU clocks.
  void note_clocks(Service& service, const pulsed_clocks& answer, Time now) const;
  // Sums the workers' exact totals into the classes. Reads only pages that the service has written: up to a gigabyte, so
  // `between` is called every few milliseconds.
  void read_totals(
      Service& service, const std::function<void()>& between = [] {}) const;

 private:
  void discover_classes(Service& service, Time now) const;
  void visit(Service& service, std::uint32_t worker, Moment begin, std::uint32_t& left,
             Collected& collected) const;
  void drain(Service& service, std::uint32_t worker, Time now, std::uint32_t& left,
             Collected& collected) const;

  const shm::TickClock& clock_;
  bool perf_events_;
  PolicyOf policy_of_;
};

}  // namespace pulsed::collect
