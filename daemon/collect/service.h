// What the control loop knows of one attached service: its memory, its workers and classes, and where its tasks stand.
//
// Owned by the loop's thread. Everything under `peer.end.service` is hostile; what is kept here was checked.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/act/directive_writer.h"
#include "daemon/attach/attach_server.h"
#include "daemon/clocks/peer_thread.h"
#include "daemon/clocks/run_clock.h"
#include "daemon/histogram.h"
#include "daemon/policy/tier_manager.h"
#include "shared_memory/sample_ring.h"

namespace pulsed::collect {

using policy::Duration;
using policy::Time;

// One poll that was seen in flight.
struct TrackedPoll {
  bool valid = false;
  std::uint64_t start = 0;       // ticks; names the poll among its worker's
  std::uint64_t ref = 0;         // as in the worker line
  std::uint64_t seen_ticks = 0;  // its age when last looked at
  Duration cpu{};                // proven so far
  std::optional<Duration>
      cpu_base;            // the thread's clock when the poll's CPU time was zero, at the latest
  bool counted = false;    // its violation was counted
  Duration counted_cpu{};  // `cpu` when last judged
  policy::Blame blame = policy::Blame::kUnknown;
  Time blame_at{};       // when blame was last found
  Duration blame_cpu{};  // ... and the CPU time then
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
  bool isolation = false;   // its line belongs, or last belonged, to a thread of the isolation pool
  std::uint32_t tid = 0;    // as claimed
  std::uint64_t dropped = 0;
  TrackedPoll current;
  TrackedPoll previous;                      // ended, its sample not seen yet
  std::optional<clocks::PeerThread> thread;  // confirmed; looked for once it matters
  clocks::RunClock clock;
  bool clock_tried = false;
  Time clock_tried_at{};
  std::uint64_t looked_at_ticks = 0;  // when its line was last read
  std::optional<CpuReading> reading;
};

struct ClassView {
  std::string name;
  policy::Priority priority;
  Histogram poll_duration;
  Histogram queue_wait;
  std::uint64_t in_flight_cpu_ns =
      0;  // proven only in flight: of ended polls that do not know their own CPU time
  // Sums of the workers' totals when last read; never fall.
  std::uint64_t polls = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t yields = 0;
  std::uint64_t isolated_polls = 0;
};

struct Service {
  Service(attach::AttachedService&& attached, bool enforce);

  [[nodiscard]] const pulsed_service_line& line() const { return *s.service; }
  // Counts something in its memory that no sound shim writes.
  void reject() { ++rejected_records, ++nonsense; }

  attach::AttachedService peer;
  shm::ServiceRegions s;  // read-only memory
  act::DirectiveWriter directives;
  policy::TierManager tiers;
  std::vector<WorkerView> workers;  // lines seen in use
  std::vector<ClassView> classes;   // by id; the unnamed class first
  std::array<std::array<std::uint64_t, policy::kTierCount>, policy::kTierCount> tier_changes{};
  std::uint64_t class_changes = 0;
  std::uint64_t dropped_samples = 0;
  std::uint64_t rejected_records = 0;  // nonsense, and records of kinds this daemon does not know
  std::uint64_t nonsense = 0;          // within the present minute: what quarantines
  Time nonsense_since{};
  std::uint64_t skipped_samples = 0;
  std::uint64_t tasks_without_slot = 0;  // when last read; never falls
  bool quarantined = false;
  Time clocks_asked_at{};          // the shim was last asked for CPU clocks
  std::uint32_t first_worker = 0;  // whose ring is drained first in this tick
  std::uint32_t sweep_slot = 1;    // where the sweep for lost closes goes on
};

// A service whose memory holds more nonsense than this within a minute is no longer read or directed.
inline constexpr std::uint64_t kNonsenseToQuarantine = 4096;
inline constexpr std::chrono::minutes kNonsenseWindow{1};

}  // namespace pulsed::collect
