#include "daemon/collect/collector.h"

#include <algorithm>

#include "daemon/collect/class_record.h"
#include "daemon/collect/in_flight.h"
#include "daemon/collect/reference.h"

namespace pulsed::collect {
namespace {

// Samples a ring gives in one tick: bounds what one service can take of the loop.
constexpr std::uint32_t kMostSamples = 65'536;

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
      ++service.rejected_records;
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
      default:
        ++service.rejected_records;
    }
  }

  void opened(const Reference& ref) {
    if (ref.task.slot == policy::kNoSlot) return;
    service.tiers.task_opened(ref.task, ref.cls, now);
    service.directives.set_task(ref.task, service.tiers.tier(ref.task));
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
    if (worker.previous.valid || worker.current.valid) settle(sample.ref, wall_ticks, cls, poll);
    service.tiers.poll_ended(poll, now);
    // Its open record was dropped, or came from a thread that is no worker.
    if (ref.task.slot != policy::kNoSlot && !service.directives.knows(ref.task)) {
      service.directives.set_task(ref.task, service.tiers.tier(ref.task));
    }
  }

  // If this is a poll that was seen in flight, what was found out then holds.
  void settle(std::uint64_t ref, std::uint64_t wall_ticks, ClassView& cls,
              policy::EndedPoll& poll) {
    TrackedPoll* tracked = match_ended(worker, ref, wall_ticks);
    if (tracked == nullptr) return;
    poll.counted = tracked->counted;
    poll.counted_cpu = tracked->counted_cpu;
    if (!poll.cpu_known) {
      poll.cpu = std::min(tracked->cpu, poll.wall);
      cls.in_flight_cpu_ns += static_cast<std::uint64_t>(poll.cpu.count());
    }
    const bool was_current = tracked == &worker.current;
    worker.previous.valid = false;
    if (was_current) worker.current = TrackedPoll{};
  }
};

void discover_workers(Service& service) {
  const std::uint32_t high =
      std::min(__atomic_load_n(&service.line().workers_high, __ATOMIC_ACQUIRE),
               service.peer.dimensions.workers);
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
}

// A line changes hands when a thread ends and another begins: then nothing known of the thread holds.
void refresh_line(Service& service, std::uint32_t index) {
  WorkerView& worker = service.workers[index];
  const pulsed_worker_line& line = service.s.lines[index];
  const std::uint32_t state = __atomic_load_n(&line.state, __ATOMIC_ACQUIRE);
  const std::uint32_t tid = __atomic_load_n(&line.tid, __ATOMIC_RELAXED);
  if (state == worker.state && tid == worker.tid) return;
  worker.state = state;
  worker.tid = tid;
  worker.thread.reset();
  worker.clock = clocks::RunClock{};
  worker.clock_tried = false;
  worker.reading.reset();
}

void count_drops(Service& service, std::uint32_t index) {
  WorkerView& worker = service.workers[index];
  const std::uint64_t dropped = __atomic_load_n(&service.s.lines[index].dropped, __ATOMIC_RELAXED);
  if (dropped == worker.dropped) return;
  if (dropped > worker.dropped) {
    service.dropped_samples += dropped - worker.dropped;
  } else {
    ++service.rejected_records;
  }
  worker.dropped = dropped;
  worker.previous.valid = false;  // its sample may be among them
}

}  // namespace

void Collector::discover_classes(Service& service, Time now) const {
  const std::uint32_t high =
      std::min(__atomic_load_n(&service.line().classes_high, __ATOMIC_ACQUIRE),
               service.peer.dimensions.classes);
  while (service.classes.size() < std::max(high, 1U)) {
    const std::size_t id = service.classes.size();
    ClassView cls{"", policy::Priority::kNormal, {}, {}};
    if (id != 0 && !read_class(service.s.classes[id], cls.name, cls.priority)) {
      ++service.rejected_records;
      cls.name = "invalid";
    }
    service.classes.push_back(std::move(cls));
    const auto cls_id = static_cast<policy::ClassId>(id);
    service.tiers.set_class_policy(cls_id, policy_of_(service, service.classes.back()), now);
  }
}

void Collector::collect(Service& service, Time now, Collected& collected) const {
  discover_workers(service);
  discover_classes(service, now);
  const Look look{clock_, now, clock_.now(), perf_events_};
  for (std::uint32_t i = 0; i < service.workers.size(); ++i) {
    WorkerView& worker = service.workers[i];
    refresh_line(service, i);
    look_at_worker(service, i, look, collected);
    // After the look, so that it holds the sample of every poll that the look saw had ended; before the classes, so that
    // every class those samples name is known.
    const std::uint64_t written = worker.ring.written();
    const std::uint64_t waiting = written - worker.ring.next();
    if (waiting == 0) continue;
    discover_classes(service, now);
    if (!worker.ring.drain_until(written, kMostSamples, Drain{service, worker, clock_, now})) {
      ++service.rejected_records;
    }
    count_drops(service, i);
    collected.samples += std::min<std::uint64_t>(waiting, kMostSamples);
    collected.more_waiting = collected.more_waiting || waiting > kMostSamples;
  }
}

void Collector::skip_backlog(Service& service) const {
  for (std::uint32_t i = 0; i < service.workers.size(); ++i) {
    WorkerView& worker = service.workers[i];
    service.skipped_samples += worker.ring.discard();
    worker.previous = TrackedPoll{};
    worker.current = TrackedPoll{};
    worker.reading.reset();
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
    const auto age =
        static_cast<std::int64_t>(clock_.to_ns(now_ticks > start ? now_ticks - start : 0));
    note_cpu(worker, Duration{static_cast<std::int64_t>(answer.cpu_ns[i])}, at,
             now - Duration{age});
  }
}

}  // namespace pulsed::collect
