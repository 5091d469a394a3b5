// Polls that have begun and not ended: seen through worker lines, timed by the thread's own CPU clock, judged while they run.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/collect/collector.h"
#include "daemon/collect/service.h"

namespace pulsed::collect {

struct Look {
  const shm::TickClock& clock;
  Time now;
  std::uint64_t now_ticks;
  bool perf_events;  // CPU clocks can be read here; otherwise the shim is asked
};

struct Line {
  std::uint64_t start;
  std::uint64_t task;
};

// The pair, if it is whole: `start` stands still around the load of `task` (see pulsed_poll_begin).
[[nodiscard]] std::optional<Line> read_line(const pulsed_worker_line& line);

// Looks at one worker's line: finds the poll in flight, its CPU time and blame, and lets the TierManager judge it.
void look_at_worker(Service& service, std::uint32_t worker, const Look& look, Collected& collected);

// Notes what the thread's CPU clock stood at, and what it proves of the poll in flight.
void note_cpu(WorkerView& worker, Duration cpu, Time at, Time poll_start);

// Reading the clock waits for no store: a poll's end, or its begin, may be seen this much later than it is dated.
inline constexpr Duration kMostUnseen = std::chrono::microseconds{1};

// The tracked poll that this ended one is, or null. Of a sample drained after the look. `wall_ticks`: how long it lasted at
// most, kMostUnseen included.
[[nodiscard]] TrackedPoll* match_ended(WorkerView& worker, std::uint64_t ref,
                                       std::uint64_t wall_ticks);

// Asks the shim for the CPU clocks that are wanted; answers come as events. After all were looked at.
void ask_for_clocks(Service& service, Time now);

}  // namespace pulsed::collect
