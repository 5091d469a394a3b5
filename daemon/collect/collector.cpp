#include "daemon/collect/collector.h"

#include <algorithm>

#include "daemon/collect/class_record.h"
#include "daemon/collect/in_flight.h"
#include "daemon/collect/reference.h"
#include "daemon/collect/shadow.h"
#include "daemon/collect/worker_clock.h"

namespace pulsed::collect {
namespace {

// Samples a service gives in one tick, about a millisecond's work: bounds what it can take of the loop.
constexpr std::uint32_t kMostSamples = 65'536;
// Slots looked at in one tick for tasks whose close was lost.
constexpr std::uint32_t kSweep = 16;

// What draining one worker's ring needs at hand.
struct Drain {
  Service& service;
  WorkerView& worker;
  const shm::TickClock& clock;
  Time now;

  [[nodiscard]] Duration to_duration(std::uint64_t ticks) const {
    return Duration{static_cast<std::int64_t>(clock.to_ns(ticks))};
  }

  void operator()(const pulsed_sample& sample) {
    const std::optional<Reference> ref =
        checked(sample.ref, service.peer.dimensions.tasks, service.classes.size());
    if (!ref) {
      service.reject();
      return;
    }
    const std::uint64_t wall_ticks = sample.span & PULSED_SPAN_WALL_MAX;
    switch (kind_of(sample.ref)) {
      case PULSED_KIND_POLL:
        ended(sample, *ref, wall_ticks);
        return;
      case PULSED_KIND_QUEUE_WAIT:
        service.classes[index(ref->cls)].queue_wait.observe_ns(clock.to_ns(wall_ticks));
        return;
      case PULSED_KIND_OPEN:
        opened(*ref);
        return;
      case PULSED_KIND_CLOSE:
        service.tiers.task_closed(ref->task, now);
        return;
      case PULSED_KIND_FREE:
        service.reject();
        return;
      default:  // of a newer minor
        ++service.rejected_records;
    }
  }

  void opened(const Reference& ref) {
    if (ref.task.slot == policy::kNoSlot) return;
    service.tiers.task_opened(ref.task, ref.cls, now);
    give_word(ref.task);
  }

  void ended(const pulsed_sample& sample, const Reference& ref, std::uint64_t wall_ticks) {
    ClassView& cls = service.classes[index(ref.cls)];
    policy::EndedPoll poll{ref.task, ref.cls, {}, to_duration(wall_ticks), false, false};
    cls.poll_duration.observe_ns(static_cast<std::uint64_t>(poll.wall.count()));
    if ((sample.ref & PULSED_FLAG_CPU_EXACT) != 0) {
      poll.cpu = poll.wall;
      poll.cpu_known = true;
    } else if ((sample.ref & PULSED_FLAG_CPU_MEASURED) != 0) {
      poll.cpu = std::min(
          poll.wall, to_duration((sample.span >> PULSED_SPAN_CPU_SHIFT) * PULSED_SPAN_CPU_UNIT));
      poll.cpu_known = true;
    }
    if (worker.previous.valid || worker.current.valid) {
      ended_after_looks(sample.ref, wall_ticks, cls, poll);
      return;
    }
    if (!service.tiers.good_as_before(poll, now)) ended_unlike_before(poll);
  }

  // Apart, so that the polls before it, which are nearly all, pay for none of its registers.
  [[gnu::noinline]] void ended_unlike_before(const policy::EndedPoll& poll) {
    const policy::EndedVerdict verdict = service.tiers.poll_ended(poll, now);
    // Its open record was dropped, or came from a thread that is no worker.
    if (verdict.opened) give_word(poll.task);
    if (verdict.isolated) count_ended_unseen(service, worker, poll.cls, poll.cpu);
  }

  // It may be a poll that was seen in flight.
  [[gnu::noinline]] void ended_after_looks(std::uint64_t sample_ref, std::uint64_t wall_ticks,
                                           ClassView& cls, policy::EndedPoll& poll) {
    TrackedPoll* tracked =
        match_ended(worker, sample_ref, wall_ticks + clock.to_ticks(kMostUnseen));
    if (tracked != nullptr) settle(sample_ref, wall_ticks, *tracked, cls, poll);
    const policy::EndedVerdict verdict = service.tiers.poll_ended(poll, now);
    if (verdict.opened) give_word(poll.task);
    if (tracked == nullptr) {
      if (verdict.isolated) count_ended_unseen(service, worker, poll.cls, poll.cpu);
      return;
    }
    count_ended(service, *tracked, poll.cls, poll.cpu);
    const bool was_current = tracked == &worker.current;
    worker.previous.valid = false;
    if (was_current) worker.current = TrackedPoll{};
  }

  // Rings are drained one after another, so a record of a slot's last task may come after one of its next.
  void give_word(policy::TaskId task) {
    if (const auto cls = service.tiers.class_of(task))
      service.directives.set_task(task, *cls, service.tiers.tier(task));
  }

  // What was found out in flight holds.
  void settle(std::uint64_t sample_ref, std::uint64_t wall_ticks, const TrackedPoll& tracked,
              ClassView& cls, policy::EndedPoll& poll) {
    poll.counted = tracked.counted;
    poll.counted_cpu = tracked.counted_cpu;
    // What its CPU was away is part of what the shim takes for its time.
    if ((sample_ref & PULSED_FLAG_CPU_EXACT) != 0) {
      const Duration doubtless = poll.cpu - std::min(poll.cpu, tracked.doubtful);
      poll.cpu = std::max(doubtless, std::min(tracked.cpu, poll.wall));
    }
    if (!poll.cpu_known) {
      poll.cpu = std::min(tracked.cpu, poll.wall);
      cls.in_flight_cpu_ns += static_cast<std::uint64_t>(poll.cpu.count());
    }
    worker.last_ended = {tracked.start, tracked.start + wall_ticks};
  }
};

void discover_workers(Service& service) {
  const std::uint32_t high =
      std::min(__atomic_load_n(&service.line().workers_high, __ATOMIC_ACQUIRE),
               service.peer.dimensions.workers);
  if (service.workers.size() >= high) return;
  const shm::DaemonRegions d =
      shm::daemon_regions(service.peer.end.daemon.data(), service.peer.end.daemon_header);
  while (service.workers.size() < high) {
    const auto index = static_cast<std::uint32_t>(service.workers.size());
    const std::uint32_t samples = service.peer.dimensions.ring_samples;
    WorkerView& worker = service.workers.emplace_back(
        shm::RingReader(service.s.rings + std::size_t{index} * samples, samples,
                        &service.s.lines[index].write, &d.reads[index]));
    worker.ring.rewind();  // these segments are new: nobody has read them
  }
  service.resting.resize(high);
}

// A line changes hands when a thread ends and another begins: then nothing known of the thread holds.
void refresh_line(Service& service, std::uint32_t index) {
  WorkerView& worker = service.workers[index];
  const pulsed_worker_line& line = service.s.lines[index];
  const std::uint32_t state = __atomic_load_n(&line.state, __ATOMIC_ACQUIRE);
  const std::uint32_t tid = __atomic_load_n(&line.tid, __ATOMIC_RELAXED);
  const std::uint32_t run_loop = __atomic_load_n(&line.run_loop, __ATOMIC_RELAXED);
  const bool same_hands = state == worker.state && tid == worker.tid;
  if (!same_hands || run_loop != worker.run_loop) service.lines_changed = true;
  worker.run_loop = run_loop;
  if (same_hands) return;
  constexpr std::uint32_t kKinds = PULSED_WORKER_ISOLATION | PULSED_WORKER_SPARE;
  if (worker.state != PULSED_WORKER_FREE && state != PULSED_WORKER_FREE &&
      ((state ^ worker.state) & kKinds) != 0) {
    service.reject();
  }
  worker.state = state;
  worker.tid = tid;
  worker.used = true;
  if (state != PULSED_WORKER_FREE) {
    worker.isolation = (state & PULSED_WORKER_ISOLATION) != 0;
    worker.spare = (state & PULSED_WORKER_SPARE) != 0;
  }
  worker.thread.reset();
  close_clock(service, index);
  worker.clock_sought_again = Time{};
  worker.clock_misses = 0;
  worker.reading.reset();
  worker.current = TrackedPoll{};
  worker.previous = TrackedPoll{};
  service.directives.withdraw_yield(index);
}

// Relaxed loads: what is not seen yet is seen in the next tick, and then read in its order.
bool still_rests(const pulsed_worker_line& line, const RestingWorker& then) {
  return then.at_rest && __atomic_load_n(&line.task, __ATOMIC_RELAXED) == 0 &&
         __atomic_load_n(&line.write, __ATOMIC_RELAXED) == then.written &&
         __atomic_load_n(&line.state, __ATOMIC_RELAXED) == then.state &&
         __atomic_load_n(&line.tid, __ATOMIC_RELAXED) == then.tid &&
         __atomic_load_n(&line.run_loop, __ATOMIC_RELAXED) == then.run_loop;
}

// What is known of the worker now. Where its line already says otherwise, the next tick finds it not at rest.
void note_rest(Service& service, std::uint32_t index) {
  const WorkerView& worker = service.workers[index];
  service.resting[index] = {worker.ring.next(), worker.state, worker.tid, worker.run_loop,
                            !worker.current.valid};
}

void count_drops(Service& service, std::uint32_t index) {
  WorkerView& worker = service.workers[index];
  const std::uint64_t dropped = __atomic_load_n(&service.s.lines[index].dropped, __ATOMIC_RELAXED);
  if (dropped == worker.dropped) return;
  if (dropped > worker.dropped) {
    service.dropped_samples += dropped - worker.dropped;
  } else {
    service.reject();
  }
  worker.dropped = dropped;
  worker.previous.valid = false;  // its sample may be among them
}

// Whether the slot's identity word says that the task is gone. While a service attaches, and a moment after, a word may
// not be written yet, or be still of an earlier task of the slot: it says nothing of this one.
bool says_closed(std::uint32_t identity, std::uint16_t generation) {
  if (identity == 0) return false;
  const std::uint32_t named = identity >> PULSED_IDENTITY_GENERATION_SHIFT;
  const auto ahead = static_cast<std::int16_t>(named - generation);
  return ahead > 0 ||
         (ahead == 0 && (identity & PULSED_IDENTITY_STATE_MASK) != PULSED_IDENTITY_LIVE);
}

// A close may be lost to a full ring, or come from a thread that has none: the identity words say what is gone.
void sweep_closed(Service& service, Time now) {
  const std::uint32_t high = service.directives.slots_high();
  for (std::uint32_t i = 0; i < std::min(kSweep, high); ++i) {
    if (service.sweep_slot >= high) service.sweep_slot = 1;
    const std::uint32_t slot = service.sweep_slot++;
    const policy::TaskId task{slot, service.directives.generation(slot)};
    if (!service.tiers.live(task)) continue;
    const std::uint32_t identity = __atomic_load_n(&service.s.identity[slot], __ATOMIC_RELAXED);
    if (says_closed(identity, task.generation)) service.tiers.task_closed(task, now);
  }
}

}  // namespace

void Collector::discover_classes(Service& service, Time now) const {
  const std::uint32_t high =
      std::min(__atomic_load_n(&service.line().classes_high, __ATOMIC_ACQUIRE),
               service.peer.dimensions.classes);
  while (service.classes.size() < std::max(high, 1U)) {
    const std::size_t id = service.classes.size();
    ClassView cls;
    if (id != 0 && !read_class(service.s.classes[id], cls.name, cls.priority)) {
      service.reject();
      cls.name = "invalid";
    }
    service.classes.push_back(std::move(cls));
    const auto cls_id = static_cast<policy::ClassId>(id);
    service.set_policy(cls_id, policy_of_(service, service.classes.back()), now);
  }
}

void Collector::collect(Service& service, Moment begin, Collected& collected) const {
  discover_workers(service);
  discover_classes(service, begin.now);
  const auto workers = static_cast<std::uint32_t>(service.workers.size());
  std::uint32_t left = kMostSamples;
  service.in_flight = false;
  service.polling.clear();
  service.clocks_wanted.clear();
  service.clocks_opened = 0;
  std::uint32_t next = service.first_worker;
  for (std::uint32_t n = 0; n < workers; ++n) {
    const std::uint32_t i = next;
    next = i + 1 < workers ? i + 1 : 0;
    if (still_rests(service.s.lines[i], service.resting[i])) continue;
    visit(service, i, begin, left, collected);
    if (service.workers[i].current.valid) service.polling.push_back(i);
    note_rest(service, i);
  }
  if (left == 0 && workers != 0) service.first_worker = (service.first_worker + 1) % workers;
  look_after_clocks(service, begin.now);
  ask_for_clocks(service, begin.now);
  sweep_closed(service, begin.now);
}

void Collector::visit(Service& service, std::uint32_t index, Moment begin, std::uint32_t& left,
                      Collected& collected) const {
  refresh_line(service, index);
  service.workers[index].visited = begin.now;
  if (!service.workers[index].used) return;  // between those of workers and of spare workers
  // Dated anew for each worker: draining the ones before took time.
  const std::uint64_t ticks = clock_.now();
  const Time now =
      begin.now + Duration{static_cast<std::int64_t>(clock_.to_ns(ticks - begin.ticks))};
  look_at_worker(service, index, Look{clock_, now, ticks, perf_events_}, collected);
  drain(service, index, now, left, collected);
}

void Collector::drain(Service& service, std::uint32_t index, Time now, std::uint32_t& left,
                      Collected& collected) const {
  WorkerView& worker = service.workers[index];
  // After the look, so that it holds the sample of every poll that the look saw had ended; before the classes, so that
  // every class those samples name is known.
  const std::uint64_t written = worker.ring.written();
  const std::uint64_t waiting = written - worker.ring.next();
  if (waiting == 0) return;
  const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(waiting, left));
  collected.more_waiting = collected.more_waiting || waiting > most;
  if (most == 0) return;
  discover_classes(service, now);
  if (!worker.ring.drain_until(written, most, Drain{service, worker, clock_, now})) {
    service.reject();
    return;
  }
  count_drops(service, index);
  collected.samples += most;
  left -= most;
}

void Collector::skip_backlog(Service& service) const {
  for (std::uint32_t i = 0; i < service.workers.size(); ++i) {
    WorkerView& worker = service.workers[i];
    service.skipped_samples += worker.ring.discard();
    worker.previous = TrackedPoll{};
    worker.current = TrackedPoll{};
    worker.reading.reset();
    service.resting[i].at_rest = false;
    service.directives.withdraw_yield(i);
  }
}

void Collector::note_clocks(Service& service, const pulsed_clocks& answer, Time now) const {
  const Time at = std::min(now, Time{static_cast<std::int64_t>(answer.at_ns)});
  const std::uint64_t now_ticks = clock_.now();
  for (std::uint32_t i = 0; i < answer.count; ++i) {
    if (answer.worker[i] >= service.workers.size() || answer.cpu_ns[i] > INT64_MAX) continue;
    WorkerView& worker = service.workers[answer.worker[i]];
    const std::uint64_t start = worker.current.start;
    // A clock of our own counts from when it was opened, the shim's from the thread's begin.
    if (!worker.current.valid || worker.clock.valid()) continue;
    // Another poll may have begun since the look.
    const std::optional<Line> line = read_line(service.s.lines[answer.worker[i]]);
    if (!line || line->task == 0 || line->start != start) continue;
    const auto age =
        static_cast<std::int64_t>(clock_.to_ns(now_ticks > start ? now_ticks - start : 0));
    note_cpu(worker, Duration{static_cast<std::int64_t>(answer.cpu_ns[i])}, at,
             now - Duration{age});
  }
}

}  // namespace pulsed::collect
