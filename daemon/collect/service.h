// What the control loop knows of one attached service: its memory, its workers and classes, and where its tasks stand.
//
// Owned by the loop's thread. Everything under `peer.end.service` is hostile; what is kept here was checked.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/act/demotion_ledger.h"
#include "daemon/act/directive_writer.h"
#include "daemon/act/round.h"
#include "daemon/act/worker_words.h"
#include "daemon/attach/attach_server.h"
#include "daemon/clocks/peer_thread.h"
#include "daemon/clocks/run_clock.h"
#include "daemon/histogram.h"
#include "daemon/policy/tier_manager.h"
#include "daemon/would_be.h"
#include "shared_memory/sample_ring.h"

namespace pulsed::collect {

using policy::Duration;
using policy::Time;

// What would have been done to a poll so far; see shadow.h.
struct Shadow {
  bool isolated = false;  // run on the isolation pool
  bool yielded = false;
  bool demoted = false;
  bool spared = false;     // a spare worker runs in its place
  Duration counted_cpu{};  // of its CPU time, in WouldBe::cpu_ns
};

// One poll that was seen in flight.
struct TrackedPoll {
  bool valid = false;
  std::uint64_t start = 0;       // ticks; names the poll among its worker's
  std::uint64_t ref = 0;         // as in the worker line
  std::uint64_t seen_ticks = 0;  // its age when last looked at
  Duration age{};                // the same
  Duration cpu{};                // proven so far
  Duration doubtful{};           // counted while it was in flight, and not proven: see ProvenTime
  std::optional<Duration>
      cpu_base;            // the thread's clock when the poll's CPU time was zero, at the latest
  bool counted = false;    // its violation was counted
  Duration counted_cpu{};  // `cpu` when last judged
  policy::Blame blame = policy::Blame::kUnknown;
  Time first_look{};
  Time blame_at{};                                     // when blame was last found
  Duration blame_cpu{};                                // ... and the CPU time then
  std::array<Duration, policy::kBlameCount> blamed{};  // how long it was found to do what
  bool held = false;             // long enough for a spare worker to take its worker's place
  bool held_in_shadow = false;   // the same, of a class in shadow
  bool reported = false;         // as holding its worker
  bool short_of_spares = false;  // no spare worker was left for it
  std::optional<Shadow> shadow;  // if its class was in shadow at the first look

  // What most of it was spent with, as far as it was looked at.
  [[nodiscard]] policy::Blame most_blamed() const;
};

// By its worker line, so checked.
[[nodiscard]] inline policy::ClassId class_of(const TrackedPoll& poll) {
  return static_cast<policy::ClassId>(poll.ref >> PULSED_REF_CLASS_SHIFT & PULSED_REF_CLASS_MASK);
}

[[nodiscard]] inline policy::TaskId task_of(const TrackedPoll& poll) {
  const auto generation = static_cast<std::uint16_t>(poll.ref >> PULSED_REF_GENERATION_SHIFT &
                                                     PULSED_REF_GENERATION_MASK);
  return {static_cast<std::uint32_t>(poll.ref & PULSED_REF_SLOT_MASK), generation};
}

// Why a thread runs at a lower OS priority, and since when.
struct Demotion {
  act::DemotionId id;
  std::uint64_t start;  // of the poll; 0: for as long as the thread is of the isolation pool
  std::uint32_t tid;    // as claimed, then
  policy::ClassId cls;  // of the poll that it was for, then
  Time since;
  bool boosted = false;  // its own priority is back, until it had its share
  Time share_since{};    // what its share is reckoned from
  Duration share_cpu{};  // the thread's clock then
  bool share_begun = false;
  std::uint64_t share_start = 0;  // the poll it is reckoned for
};

// The last poll of a worker whose sample was read.
struct LastEnded {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // ticks
};

// The CPU clock of a worker's thread as last read.
struct CpuReading {
  Duration cpu;
  Time at;
};

struct WorkerView {
  explicit WorkerView(shm::RingReader reader) : ring(reader) {}
  shm::RingReader ring;
  std::uint32_t state = 0;  // PULSED_WORKER_* bits when last looked at
  bool used = false;        // some thread had its line
  bool isolation = false;   // its line belongs, or last belonged, to a thread of the isolation pool
  bool spare = false;       // ... to a spare worker
  std::uint32_t run_loop = 0;  // which it serves; the service's own numbers, 0 for none
  std::uint32_t tid = 0;       // as claimed
  std::uint64_t dropped = 0;
  TrackedPoll current;
  TrackedPoll previous;                      // ended, its sample not seen yet
  std::optional<clocks::PeerThread> thread;  // confirmed; looked for once it matters
  clocks::RunClock clock;                    // of that
  Time suspect_until{};       // a poll here burned much of its budget: the clock is kept fresh
  Time clock_kept_until{};    // ... and open
  Time clock_sought_again{};  // not before, if it could not be opened
  unsigned clock_misses = 0;
  Time visited{};                     // more than its line was looked at
  std::uint64_t looked_at_ticks = 0;  // when its line was last read
  std::optional<CpuReading> reading;
  LastEnded last_ended;
  std::optional<Demotion> demotion;
  std::uint64_t demotion_refused_start = 0;  // the last poll for which it was
  Time demote_again{};  // not before: of a thread of the isolation pool that could not be lowered
};

// A worker as it was when nothing of it was left to do: between polls, its ring empty. While its line says the same,
// that and this are all that a tick looks at. Apart from the views, so that many of them share a cache line.
struct RestingWorker {
  std::uint64_t written = 0;
  std::uint32_t state = 0;
  std::uint32_t tid = 0;
  std::uint32_t run_loop = 0;
  bool at_rest = false;
};

struct ClassView {
  std::string name;
  policy::Priority priority = policy::Priority::kNormal;
  Histogram poll_duration;
  Histogram queue_wait;
  std::uint64_t in_flight_cpu_ns =
      0;  // proven only in flight: of ended polls that do not know their own CPU time
  // Sums of the workers' totals when last read; never fall.
  std::uint64_t polls = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t yields = 0;
  std::uint64_t isolated_polls = 0;
  std::uint64_t demotions = 0;  // of threads that its polls held
  WouldBe would_be;
};

// A poll that was reported as holding its worker, as when it was last seen in flight.
struct ReportedPoll {
  std::uint32_t worker;
  Time first_look;      // names it among its worker's, also where its begin moves
  std::uint64_t start;  // ticks
  policy::ClassId cls;
  policy::Tier tier;
  policy::Blame blame;
};

// A run loop of the service that spare workers can serve.
struct RunLoop {
  std::uint32_t number;
  std::uint32_t workers;  // ordinary ones that serve it
  Time needed_at;         // when all its running spare workers were last needed
  // The same of those that would run for classes in shadow.
  std::uint32_t would_run = 0;
  Time would_be_needed_at{};
};

// What was done about polls that hold their workers; totals.
struct HoldCounts {
  std::array<std::uint64_t, policy::kBlameCount> held_polls{};
  std::uint64_t spare_wakes = 0;
  std::uint64_t spare_shortages = 0;  // polls for which no spare worker was left
  std::uint64_t demotions = 0;
  std::uint64_t demotions_refused = 0;
  std::uint64_t boosts = 0;
  Duration demoted{};      // of demotions that have ended
  Histogram undo_latency;  // from a demoted poll's end until its thread's priority is back
};

struct Service {
  explicit Service(attach::AttachedService&& attached);

  [[nodiscard]] const pulsed_service_line& line() const { return *s.service; }
  // What holds for a class from now on. True: something else may be asked of its tasks than before.
  bool set_policy(policy::ClassId cls, const policy::ClassPolicy& policy, Time now);
  // Counts something in its memory that no sound shim writes.
  void reject() { ++rejected_records, ++nonsense; }

  attach::AttachedService peer;
  std::chrono::system_clock::time_point attached_at = std::chrono::system_clock::now();
  shm::ServiceRegions s;  // read-only memory
  act::DirectiveWriter directives;
  act::WorkerWords words;
  policy::TierManager tiers;
  std::vector<WorkerView> workers;     // lines seen in use
  std::vector<RestingWorker> resting;  // of the same
  std::vector<ClassView> classes;      // by id; the unnamed class first
  std::array<std::array<std::uint64_t, policy::kTierCount>, policy::kTierCount> tier_changes{};
  std::uint64_t class_changes = 0;
  std::uint64_t dropped_samples = 0;
  std::uint64_t rejected_records = 0;  // nonsense, and records of kinds this daemon does not know
  std::uint64_t nonsense = 0;          // within the present minute: what quarantines
  Time nonsense_since{};
  std::uint64_t skipped_samples = 0;
  std::uint64_t tasks_without_slot = 0;  // when last read; never falls
  std::uint64_t clock_reads = 0;
  std::uint64_t late_clock_reads = 0;  // of these, that proved nothing
  bool quarantined = false;
  // The policy may enforce some class of it, be it one that is yet to come. Without it nothing is enforced, also where a
  // class has not been brought the policy that says so.
  bool enforceable = false;
  std::uint64_t admitted = 0;  // by which of the loop's changes of policy that was found
  act::Round renewing;         // of classes: since the policy changed
  act::Round repinning;        // ... since pins of this service's name did
  std::vector<std::uint32_t> clocks_wanted;  // workers whose CPU clock only the shim can read now
  std::uint32_t clock_asked_last = 0;        // ... the last one it was asked for
  Time clocks_asked_at{};                    // ... and when
  bool in_flight = false;                    // some worker polled something when last looked at
  std::vector<std::uint32_t> polling;        // workers that had a poll in flight then
  std::vector<std::uint32_t> timed;          // ... whose CPU clock is open
  std::uint32_t clocks_opened = 0;           // in this tick
  std::vector<std::uint32_t> demoted;        // ... whose thread is demoted
  bool lines_changed = false;                // hands or run loops, since the run loops were counted
  std::vector<ReportedPoll> reported;        // polls whose end is waited for
  HoldCounts holds;
  std::vector<RunLoop> run_loops;     // as they were counted then
  std::vector<std::uint32_t> spares;  // the spare workers that serve them
  std::vector<std::uint32_t> spares_awake;
  bool spares_would_run = false;   // in some run loop
  std::uint32_t first_worker = 0;  // whose ring is drained first in this tick
  std::uint32_t next_clock = 0;    // of `timed`: which is looked after next
  std::uint32_t sweep_slot = 1;    // where the sweep for lost closes goes on
};

// A service whose memory holds more nonsense than this within a minute is no longer read or directed.
inline constexpr std::uint64_t kNonsenseToQuarantine = 4096;
inline constexpr std::chrono::minutes kNonsenseWindow{1};

}  // namespace pulsed::collect
