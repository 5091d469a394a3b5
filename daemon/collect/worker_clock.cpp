#include "daemon/collect/worker_clock.h"

#include <algorithm>
#include <utility>

namespace pulsed::collect {
namespace {

// Open clocks that are looked after in one tick; reading one is a system call.
constexpr std::uint32_t kMostLookedAfter = 16;
// Looking through /proc takes up to milliseconds.
constexpr std::uint32_t kMostLookups = 2;
// Opening a clock takes some 20 us, and so does closing it.
constexpr std::uint32_t kMostOpened = 16;
constexpr std::uint32_t kMostOpenedOfService = 4;

void try_later(WorkerView& worker, Time now) {
  constexpr unsigned kMostDoublings = 6;
  worker.clock_sought_again = now + std::chrono::seconds{std::int64_t{1} << worker.clock_misses};
  worker.clock_misses = std::min(worker.clock_misses + 1, kMostDoublings);
}

void find_thread(Service& service, WorkerView& worker, Time now, Collected& collected) {
  if (collected.threads_sought >= kMostLookups) return;
  ++collected.threads_sought;
  worker.thread = clocks::find_thread(service.peer.pid, worker.tid);
  // Of a process that has ended the number may be another's by now.
  if (worker.thread && !service.peer.alive()) worker.thread.reset();
  if (!worker.thread) try_later(worker, now);
}

void forget_readings(WorkerView& worker) {
  worker.reading.reset();
  worker.current.cpu_base.reset();
  worker.previous.cpu_base.reset();
  if (worker.demotion) worker.demotion->share_begun = false;
}

bool in_use(const WorkerView& worker, Time now) {
  return now < worker.clock_kept_until || (worker.current.valid && worker.current.cpu_base);
}

}  // namespace

void suspect(WorkerView& worker, Time now) {
  worker.suspect_until = now + kSuspect;
  worker.clock_kept_until = worker.suspect_until + kClockKept;
}

void open_clock(Service& service, std::uint32_t index, const Look& look, Collected& collected) {
  WorkerView& worker = service.workers[index];
  if (look.now < worker.clock_sought_again) return;
  if (!worker.thread) find_thread(service, worker, look.now, collected);
  if (!worker.thread || !look.perf_events) return;
  if (collected.clocks_opened >= kMostOpened || service.clocks_opened >= kMostOpenedOfService)
    return;
  ++collected.clocks_opened;
  ++service.clocks_opened;
  clocks::RunClock clock(worker.thread->tid);
  // The number may have become another thread's. If it is still the same one's, then it was so a moment ago.
  const bool same = clocks::scheduler_state(*worker.thread).has_value();
  if (!same) worker.thread.reset();
  if (!same || !clock.valid()) {
    try_later(worker, look.now);
    return;
  }
  worker.clock = std::move(clock);
  service.timed.push_back(index);
  forget_readings(worker);  // of another clock
}

void close_clock(Service& service, std::uint32_t index) {
  WorkerView& worker = service.workers[index];
  if (!worker.clock.valid()) return;
  worker.clock = clocks::RunClock{};
  std::erase(service.timed, index);
  forget_readings(worker);
}

std::optional<Duration> read_clock(Service& service, WorkerView& worker) {
  const Duration doubtful = worker.clock.doubtful();
  const std::optional<Duration> cpu = worker.clock.read();
  ++service.clock_reads;
  if (worker.clock.doubtful() != doubtful) ++service.late_clock_reads;
  return cpu;
}

void look_after_clocks(Service& service, Time now) {
  const auto open = static_cast<std::uint32_t>(service.timed.size());
  for (std::uint32_t n = std::min(open, kMostLookedAfter); n > 0; --n) {
    if (service.next_clock >= service.timed.size()) service.next_clock = 0;
    const std::uint32_t index = service.timed[service.next_clock];
    WorkerView& worker = service.workers[index];
    if (!in_use(worker, now)) {
      close_clock(service, index);  // another comes to its place
      continue;
    }
    ++service.next_clock;
    // Those that polled in this tick have been read, or are not suspect.
    if (!service.resting[index].at_rest || worker.visited >= now) continue;
    if (const auto cpu = read_clock(service, worker)) worker.reading = CpuReading{*cpu, now};
  }
}

}  // namespace pulsed::collect
