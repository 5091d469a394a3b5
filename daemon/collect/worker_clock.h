// CPU clocks of workers' threads: opened for polls that last, kept while their workers are suspect, closed soon after.
//
// An open clock is kept by the kernel at each switch of its thread, of which a busy service makes tens of thousands a second: a
// few percent of its CPU time. On a full machine every thread has, now and then, a poll that lasts because it waits for a
// CPU; only those that burn their time are worth that.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/collect/collector.h"
#include "daemon/collect/in_flight.h"
#include "daemon/collect/service.h"

namespace pulsed::collect {

// How long a worker is suspect after a poll burned half its budget there. Its thread's clock is read whenever the worker is
// looked at, so that the begin of its next poll is dated; of others it is read for polls that have lasted for half their
// budget. Each reading of a thread that runs interrupts its CPU.
inline constexpr Duration kSuspect = std::chrono::seconds{1};

// How long its clock stays open after that: at rest it is read as well, so that a hog that comes now and then is dated, too.
inline constexpr Duration kClockKept = std::chrono::seconds{10};

// A poll burned half its budget there.
void suspect(WorkerView& worker, Time now);

// Opens the clock of the worker's thread if that can be found and the daemon may read it. A bounded number in a tick: else it
// is tried at the next look at the worker, or, where it was in vain, seconds later.
void open_clock(Service& service, std::uint32_t worker, const Look& look, Collected& collected);

// What it said is forgotten: the next one counts anew.
void close_clock(Service& service, std::uint32_t worker);

// Of a worker whose clock is open.
[[nodiscard]] std::optional<Duration> read_clock(Service& service, WorkerView& worker);

// Closes clocks that are of no more use and reads those of workers at rest: a bounded number in a tick, in turn. After all
// workers were looked at.
void look_after_clocks(Service& service, Time now);

}  // namespace pulsed::collect
