// What the control loop publishes: an immutable picture of everything that metrics, the page and the API show.
//
// Built by the loop's thread when a reader asks, then shared as shared_ptr<const Snapshot>; readers keep it as long as they
// like. All counters are totals since the daemon started and never fall while their series lives.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "daemon/histogram.h"
#include "daemon/policy/policy.h"
#include "daemon/would_be.h"

namespace pulsed {

// One (service name, class name), summed over the processes of that name.
struct ClassSnapshot {
  std::string service;
  std::string task_class;    // "" is the unnamed class; "other" what was over a cap
  std::uint64_t polls = 0;   // exact, from the workers' own totals
  std::uint64_t cpu_ns = 0;  // proven CPU time
  std::uint64_t violations = 0;
  std::uint64_t yields_obeyed = 0;   // exact
  std::uint64_t isolated_polls = 0;  // exact: polls on threads of the isolation pool
  std::array<std::uint64_t, policy::kTierCount> tasks{};  // live tasks at each tier, now
  policy::Tier tier =
      policy::Tier::kMonitor;  // where new tasks of the class begin, now (highest process)
  policy::Enforcement enforcement =
      policy::Enforcement::kObserve;  // in force (highest process), or when the last one left
  std::optional<policy::Tier> pinned;
  std::uint64_t demotions = 0;  // of threads that its polls held
  WouldBe would_be;
  Histogram poll_duration;  // wall time of ended polls whose samples arrived
  Histogram queue_wait;

  [[nodiscard]] std::uint64_t tasks_above_monitor() const {
    return std::accumulate(tasks.begin() + 1, tasks.end(), std::uint64_t{0});
  }
};

// One service name.
struct ServiceSnapshot {
  std::string service;
  std::uint64_t processes = 0;  // attached now
  std::uint64_t workers = 0;    // attached now
  std::array<std::array<std::uint64_t, policy::kTierCount>, policy::kTierCount>
      tier_changes{};                    // [from][to], of tasks
  std::uint64_t class_changes = 0;       // of classes
  std::uint64_t reports_withheld = 0;    // log lines over reports_per_minute
  std::uint64_t directives_measure = 0;  // set by the daemon (none in shadow)
  std::uint64_t directives_yield = 0;
  std::uint64_t directives_isolate = 0;
  std::uint64_t dropped_samples = 0;        // by full rings
  std::uint64_t rejected_records = 0;       // nonsense found in its memory
  std::uint64_t skipped_samples = 0;        // too old to judge: the daemon had been stopped
  std::uint64_t tasks_without_slot = 0;     // the task table was full
  std::uint64_t clock_reads = 0;            // of its workers' CPU clocks, by the daemon
  std::uint64_t late_clock_reads = 0;       // ... that proved nothing
  std::uint64_t in_flight_over_budget = 0;  // polls in flight now that have used up their budget
  // Polls in flight now that hold their worker, by blame: over their budget, or for spare_after by the clock. Behind one
  // on the isolation pool nobody waits: it holds none.
  std::array<std::uint64_t, policy::kBlameCount> holding_polls{};
  std::uint64_t in_flight_longest_ns = 0;  // wall time of the longest of those not on the pool
  bool quarantined = false;                // judged no more: repeated nonsense
  std::uint64_t pinned_classes = 0;        // held at a tier by an operator, now
  std::array<std::uint64_t, policy::kBlameCount>
      held_polls{};                        // polls reported as holding their worker, by blame
  std::uint64_t spare_workers_parked = 0;  // now
  std::uint64_t spare_workers_awake = 0;   // now
  std::uint64_t spare_wakes = 0;
  std::uint64_t would_be_spare_wakes = 0;  // in shadow
  std::uint64_t spare_shortages = 0;       // polls that held a worker with no spare worker left
  std::uint64_t demoted_threads = 0;       // now
  std::uint64_t demotions = 0;
  std::uint64_t demotions_refused = 0;
  std::uint64_t boosts = 0;
  std::uint64_t demoted_ns = 0;  // summed over threads
  Histogram undo_latency;        // from a demoted poll's end until its thread's priority is back
};

struct DaemonSnapshot {
  std::string version;
  std::uint64_t policy_revision = 0;  // in force
  policy::Enforcement enforcement = policy::Enforcement::kShadow;
  policy::Enforcement enforcement_limit = policy::Enforcement::kEnforce;
  policy::Profile profile = policy::Profile::kBalanced;
  std::chrono::system_clock::time_point started_at;
  std::uint64_t policy_reloads = 0;
  std::uint64_t policy_reload_failures = 0;
  std::uint64_t attaches = 0;
  std::uint64_t detaches = 0;
  std::uint64_t attaches_refused = 0;
  std::uint64_t quarantines = 0;
  std::uint64_t folded_label_values = 0;  // names put into "other" by a cap
  std::uint64_t samples = 0;              // drained
  std::uint64_t events_left_out = 0;      // of the event log, by its bound on those of a tick
  TickHistogram tick_duration;            // collect, decide, act, and publish
  TickHistogram tick_lateness;            // woke later than asked
  bool high_priority = false;             // the loop runs at nice -20 or SCHED_FIFO
  bool exact_run_times = false;           // in-flight CPU time comes from perf events
  std::uint64_t undone_by_guardian = 0;   // threads, as the daemon stood still
  bool demotes = false;                   // may set OS priorities, and has a guardian
};

struct Snapshot {
  std::chrono::nanoseconds at{};  // monotonic
  DaemonSnapshot daemon;
  std::vector<ServiceSnapshot> services;
  std::vector<ClassSnapshot> classes;
};

// Where readers get snapshots. `fresh` may wait for the loop to build a new one, at most `patience`, and falls back to the
// latest; never null. Thread-safe.
class SnapshotSource {
 public:
  // A loop that has not ticked for longer is not healthy.
  static constexpr std::chrono::milliseconds kHealthyTick{2'000};

  virtual ~SnapshotSource() = default;
  [[nodiscard]] virtual std::shared_ptr<const Snapshot> fresh(
      std::chrono::milliseconds patience) = 0;
  // Time since the loop last ticked: what health is judged by.
  [[nodiscard]] virtual std::chrono::milliseconds since_last_tick() const = 0;
  // Of a reader's patience, what is worth spending: a loop that stands still would cost each the whole.
  [[nodiscard]] std::chrono::milliseconds worth_waiting(std::chrono::milliseconds patience) const {
    return since_last_tick() <= kHealthyTick ? patience : std::chrono::milliseconds{0};
  }
};

}  // namespace pulsed
