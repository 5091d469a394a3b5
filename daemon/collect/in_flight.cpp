#include "daemon/collect/in_flight.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "daemon/collect/reference.h"
#include "daemon/collect/shadow.h"
#include "daemon/collect/worker_clock.h"
#include "shared_memory/reference.h"

namespace pulsed::collect {
namespace {

using policy::Blame;

// How long an isolated poll may run before it makes room for another isolated one. Nobody else waits behind it, and a turn
// of a budget's length would only cost caches: a tenth of the pool's throughput in the demo.
constexpr Duration kIsolationTurn = std::chrono::milliseconds{10};
// Long enough that a share of CPU time means something, short enough to follow a poll that goes to sleep.
constexpr Duration kBlameInterval = std::chrono::milliseconds{2};
// A clock read at the very moment that a poll may reach a limit shows a little less, and it would take another look.
constexpr Duration kPastTheLimit = std::chrono::microseconds{20};
constexpr Duration kFirstBlameInterval = std::chrono::microseconds{500};
constexpr Duration kClockRequestInterval = std::chrono::microseconds{500};

void end_current(Service& service, std::uint32_t index) {
  WorkerView& worker = service.workers[index];
  if (!worker.current.valid) return;
  worker.previous = worker.current;
  worker.current = TrackedPoll{};
  service.directives.withdraw_yield(index);
}

// Another start on the line: another poll, or one that paused for a poll nested in it and goes on, its begin moved. The
// latter began before the last look, which no fresh poll of the task can have.
void change_poll(Service& service, std::uint32_t index, const Line& line, const Reference& ref,
                 const Look& look) {
  WorkerView& worker = service.workers[index];
  const std::uint64_t slack = look.clock.to_ticks(kMostUnseen);
  const auto goes_on = [&](const TrackedPoll& poll) {
    return poll.valid && shm::same_task(poll.ref, line.task) &&
           line.start + slack <= worker.looked_at_ticks;
  };
  if (goes_on(worker.current)) {
    service.directives.withdraw_yield(index);
  } else if (goes_on(worker.previous)) {
    std::swap(worker.previous, worker.current);
    service.directives.withdraw_yield(index);
  } else {
    end_current(service, index);
    worker.current.valid = true;
    worker.current.first_look = look.now;
    worker.current.blame_at = look.now;
    worker.current.shadow = shadow_of(service, worker, ref);
  }
  worker.current.start = line.start;
}

// What was asked of the poll as one of another class does not stand where that of now is not enforced.
void go_over(Service& service, std::uint32_t index, const Reference& to) {
  if (class_of(service.workers[index].current) == to.cls || service.directives.mode(to.cls).enforce)
    return;
  service.directives.withdraw_yield(index);
}

Blame blame_of(const WorkerView& worker, bool read, Duration burned, Duration passed) {
  if (read && burned * 2 >= passed) return Blame::kBurning;
  const std::optional<char> state =
      worker.thread ? clocks::scheduler_state(*worker.thread) : std::nullopt;
  if (!state || (*state == 'R' && !read)) return Blame::kUnknown;
  return *state == 'R' ? Blame::kRunnable : Blame::kBlocked;
}

void find_blame(WorkerView& worker, const Look& look) {
  TrackedPoll& poll = worker.current;
  // Seen for too short to compare two readings, but what is proven is already most of its life.
  if (poll.blame == Blame::kUnknown && poll.cpu > Duration{} && poll.cpu * 2 >= poll.age) {
    poll.blame = Blame::kBurning;
    return;
  }
  const bool read = worker.reading && worker.reading->at > poll.blame_at;
  const Time until = read ? worker.reading->at : look.now;
  const Duration passed = until - poll.blame_at;
  const Duration interval = poll.blame == Blame::kUnknown ? kFirstBlameInterval : kBlameInterval;
  if (passed < (read ? interval : 10 * interval)) return;
  poll.blame = blame_of(worker, read, poll.cpu - poll.blame_cpu, passed);
  poll.blamed[static_cast<std::size_t>(poll.blame)] += passed;
  poll.blame_at = until;
  poll.blame_cpu = poll.cpu;
}

// Or, in shadow, counts that it would have been asked.
void ask_yield(Service& service, std::uint32_t index, policy::ClassId cls) {
  TrackedPoll& poll = service.workers[index].current;
  if (service.tiers.policy(cls).enforcement == policy::Enforcement::kShadow) {
    count_yield(service, poll);
  } else if (service.enforceable) {
    service.directives.ask_yield(index, poll.start, cls);
  }
}

void judge(Service& service, std::uint32_t index, const Reference& ref, const Look& look) {
  WorkerView& worker = service.workers[index];
  TrackedPoll& poll = worker.current;
  const policy::InFlightVerdict verdict = service.tiers.poll_in_flight(
      {ref.task, ref.cls, poll.cpu, poll.counted, poll.counted_cpu}, look.now);
  if (verdict.opened) service.directives.set_task(ref.task, ref.cls, verdict.tier);
  poll.counted = poll.counted || verdict.violation;
  if (poll.counted) poll.counted_cpu = poll.cpu;
  const bool isolated = worker.isolation || isolated_in_shadow(poll);
  if (verdict.yield && (!isolated || poll.cpu >= kIsolationTurn))
    ask_yield(service, index, ref.cls);
}

// What a poll's CPU time is held against, and how often it is read between the two.
struct Limits {
  Duration first;   // its budget
  Duration second;  // the next thing that can happen to it
  Duration third;   // and another; of these two either may come first
  Duration interval;
  Duration notice;  // its age from which blame is looked for
};

Limits limits_of(const Service& service, const WorkerView& worker, policy::ClassId cls) {
  const policy::TierFields& fields = service.tiers.fields(cls);
  const Duration budget = fields.poll_budget;
  const Duration notice = std::min(budget, fields.long_poll);
  if (worker.isolation) return {budget, kIsolationTurn, kIsolationTurn, kIsolationTurn, notice};
  return {budget, fields.emergency_poll, fields.demote_after, kBlameInterval, notice};
}

// How much it may have burned until now, at most.
Duration burned_at_most(const WorkerView& worker, Time now, Duration age) {
  const TrackedPoll& poll = worker.current;
  return poll.cpu_base ? std::min(age, poll.cpu + (now - worker.reading->at)) : age;
}

// Reading the clock of a thread that runs interrupts its CPU, so it is read only if it could tell something new.
bool worth_reading(const WorkerView& worker, const Limits& limits, Time now, Duration age) {
  const TrackedPoll& poll = worker.current;
  if (!poll.cpu_base) return now < worker.suspect_until || age * 2 >= limits.notice;
  const Duration most = burned_at_most(worker, now, age);
  const Duration since = now - worker.reading->at;
  if (poll.cpu <= limits.first && most > limits.first) return true;
  if (poll.cpu <= limits.first) return age >= limits.notice && since >= kBlameInterval;
  for (const Duration limit : {limits.second, limits.third}) {
    if (poll.cpu < limit && most >= limit) return true;
  }
  // Past everything that can happen to it, only blame is left to find.
  const bool past = poll.cpu >= std::max(limits.second, limits.third);
  const Duration interval = past ? 5 * kBlameInterval : limits.interval;
  return since >= interval;
}

void read_cpu(Service& service, std::uint32_t index, const Limits& limits, Duration age,
              const Look& look, Collected& collected) {
  WorkerView& worker = service.workers[index];
  if (age * 2 >= limits.notice && !worker.clock.valid())
    open_clock(service, index, look, collected);
  if (!worth_reading(worker, limits, look.now, age)) return;
  if (!worker.clock.valid()) {
    service.clocks_wanted.push_back(index);
    return;
  }
  const Duration doubtful = worker.clock.doubtful();
  if (const auto cpu = read_clock(service, worker)) {
    // The clock was read a little after the line: what a next poll burned meanwhile is not this one's.
    const std::optional<Line> line = read_line(service.s.lines[index]);
    if (!line || line->task == 0 || line->start != worker.current.start) return;
    note_cpu(worker, *cpu, look.now, look.now - age);
    // What was counted before it began is no part of what it seems to have taken.
    worker.current.doubtful += std::min(worker.clock.doubtful() - doubtful, age);
  }
}

void look_at_poll(Service& service, std::uint32_t index, const Reference& ref, Duration age,
                  const Look& look, Collected& collected) {
  WorkerView& worker = service.workers[index];
  TrackedPoll& poll = worker.current;
  poll.age = age;
  const Limits limits = limits_of(service, worker, ref.cls);
  read_cpu(service, index, limits, age, look, collected);
  poll.cpu = std::min(poll.cpu, age);
  if (poll.cpu * 2 >= limits.first) suspect(worker, look.now);
  if (age > limits.notice) find_blame(worker, look);
  if (poll.cpu > limits.first) judge(service, index, ref, look);
  count_cpu(service, poll);
  // On the isolation pool nobody waits behind a poll but other isolated ones: an ordinary tick is soon enough.
  if (worker.isolation) return;
  // Isolated, yet on an ordinary worker: the sooner it goes to the pool the better.
  if (service.tiers.tier(ref.task) == policy::Tier::kIsolate &&
      service.tiers.policy(ref.cls).may_migrate && !isolated_in_shadow(poll)) {
    ask_yield(service, index, ref.cls);
  }
  const Duration most = burned_at_most(worker, look.now, age);
  for (const Duration limit : {limits.first, limits.second, limits.third}) {
    if (most <= limit)
      collected.next_look = std::min(collected.next_look, limit - most + kPastTheLimit);
  }
  const Duration spare_after = service.tiers.fields(ref.cls).spare_after;
  if (age < spare_after) collected.next_look = std::min(collected.next_look, spare_after - age);
}

}  // namespace

std::optional<Line> read_line(const pulsed_worker_line& line) {
  const std::uint64_t start = __atomic_load_n(&line.start, __ATOMIC_ACQUIRE);
  const std::uint64_t task = __atomic_load_n(&line.task, __ATOMIC_ACQUIRE);
  if (__atomic_load_n(&line.start, __ATOMIC_RELAXED) != start) return std::nullopt;
  return Line{start, task};
}

void look_at_worker(Service& service, std::uint32_t index, const Look& look, Collected& collected) {
  WorkerView& worker = service.workers[index];
  const std::optional<Line> line = read_line(service.s.lines[index]);
  if (!line) return;  // it begins a poll right now: the next look sees it
  if (line->task == 0) {
    end_current(service, index);
    if (worker.clock.valid() && look.now < worker.suspect_until) {
      if (const auto cpu = read_clock(service, worker)) {
        worker.reading = CpuReading{*cpu, look.now};
      }
    }
    return;
  }
  const std::optional<Reference> ref =
      checked(line->task, service.peer.dimensions.tasks, service.classes.size());
  const auto cls = line->task >> PULSED_REF_CLASS_SHIFT & PULSED_REF_CLASS_MASK;
  if (!ref && cls >= service.classes.size() && cls < service.peer.dimensions.classes) {
    return;  // registered just now: known at the next tick
  }
  // A start a little in the future is a clock read after ours; further off it is nonsense.
  const std::uint64_t slack = look.clock.ticks_per_second();
  if (!ref || kind_of(line->task) != PULSED_KIND_POLL || line->start > look.now_ticks + slack) {
    service.reject();
    return;
  }
  if (!worker.current.valid || worker.current.start != line->start) {
    change_poll(service, index, *line, *ref, look);
  }
  worker.looked_at_ticks = look.now_ticks;
  go_over(service, index, *ref);
  worker.current.ref = line->task;
  const std::uint64_t age = look.now_ticks > line->start ? look.now_ticks - line->start : 0;
  worker.current.seen_ticks = age;
  collected.in_flight = true;
  service.in_flight = true;
  look_at_poll(service, index, *ref, Duration{static_cast<std::int64_t>(look.clock.to_ns(age))},
               look, collected);
}

void note_cpu(WorkerView& worker, Duration cpu, Time at, Time poll_start) {
  TrackedPoll& poll = worker.current;
  if (poll.valid && at >= poll_start) {
    if (!poll.cpu_base) {
      // Burned since the last reading, less all that could have been burned before this poll began.
      Duration proven{};
      if (worker.reading && worker.reading->at <= at) {
        const Duration before = std::max(Duration{}, poll_start - worker.reading->at);
        proven = std::max(Duration{}, cpu - worker.reading->cpu - before);
      }
      poll.cpu_base = cpu - std::min(proven, at - poll_start);
      // What is proven until here may be too little by far; what comes is exact, so blame is found from here on.
      poll.blame_at = at;
      poll.blame_cpu = cpu - *poll.cpu_base;
    }
    poll.cpu = std::max(poll.cpu, cpu - *poll.cpu_base);
  }
  worker.reading = CpuReading{cpu, at};
}

TrackedPoll* match_ended(WorkerView& worker, std::uint64_t ref, std::uint64_t wall_ticks) {
  for (TrackedPoll* poll : {&worker.previous, &worker.current}) {
    if (poll->valid && shm::same_task(poll->ref, ref) && wall_ticks >= poll->seen_ticks)
      return poll;
  }
  return nullptr;
}

void ask_for_clocks(Service& service, Time now) {
  if (service.clocks_wanted.empty() || now - service.clocks_asked_at < kClockRequestInterval)
    return;
  service.clocks_asked_at = now;
  pulsed_clocks request{};
  request.magic = PULSED_ATTACH_MAGIC;
  request.type = PULSED_MESSAGE_READ_CLOCKS;
  // Where more are wanted than a message holds, those behind the last one come first the next time.
  std::vector<std::uint32_t>& wanted = service.clocks_wanted;
  std::sort(wanted.begin(), wanted.end());
  const auto next = std::upper_bound(wanted.begin(), wanted.end(), service.clock_asked_last);
  std::rotate(wanted.begin(), next, wanted.end());
  for (const std::uint32_t worker : wanted) {
    if (request.count == PULSED_CLOCKS_A_MESSAGE) break;
    request.worker[request.count++] = service.clock_asked_last = worker;
  }
  // Not waited for: a service that does not read its socket gets no exact times, which is its own loss.
  ::send(service.peer.socket->get(), &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace pulsed::collect
