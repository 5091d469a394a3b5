#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/bench/attached_worker.h"
#include "tests/bench/bin_dir.h"
#include "tests/bench/machine.h"
#include "tests/bench/poll_loops.h"
#include "tests/bench/suites.h"
#include "tests/support/own_daemon.h"

namespace pulsed::bench {
namespace {

// Fresh segments lie on other physical pages, and caches treat some better than others by a few per cent.
constexpr int kAttachments = 12;
constexpr std::uint32_t kHot = 4096;
constexpr char kPoll[] = "poll";
constexpr char kNext[] = "next";

Turns measure(AttachedWorker& attached, int turns) {
  const Pinned pinned(0);
  Walk reads(attached.tasks()), polls(attached.tasks()), row(attached.tasks());
  const auto empty = [&] { attached.empty_ring(); };
  const std::uint64_t before = attached.written();
  Turns t = Turns::of({{kTwoReads, kPolls, [&] { reads.over(kPolls, two_reads); }, empty},
                       {kPoll, kPolls, [&] { polls.over(kPolls, poll); }, empty},
                       {kNext, kPolls, [&] { polls_in_a_row(row, kPolls); }, empty}},
                      turns);
  if (attached.written() - before != 2 * kPolls * (static_cast<std::uint64_t>(turns) + 1)) {
    throw std::logic_error("polls were measured that were not recorded");
  }
  return t;
}

// A thread that takes every sample out, as the daemon would, but without rest from work() to rest().
class Drainer {
 public:
  explicit Drainer(shm::RingReader& ring) : thread_([this, &ring] { run(ring); }) {}
  ~Drainer() {
    set(State::kEnd);
    thread_.join();
  }
  Drainer(const Drainer&) = delete;
  Drainer& operator=(const Drainer&) = delete;

  void work() { set(State::kWork); }
  void rest() { set(State::kRest); }

 private:
  enum class State { kRest, kWork, kEnd };
  void set(State state) {
    state_ = state;
    state_.notify_one();
  }
  void run(shm::RingReader& ring) {
    const Pinned pinned(1);
    for (State state = state_; state != State::kEnd; state = state_) {
      std::uint64_t sum = 0;
      (void)ring.drain(UINT32_MAX, [&](pulsed_sample s) { sum += s.ref ^ s.span; });
      keep(sum);
      if (state == State::kRest) state_.wait(state);
    }
  }
  std::atomic<State> state_{State::kRest};
  std::thread thread_;
};

Turns measure_drained(AttachedWorker& attached, int turns) {
  Drainer drainer(attached.ring());
  const Pinned pinned(0);  // after it: it has a CPU of its own
  Walk reads(attached.tasks()), polls(attached.tasks());
  const auto rest = [&] { drainer.rest(); };
  const auto work = [&] { drainer.work(); };
  return Turns::of({{kTwoReads, kPolls, [&] { reads.over(kPolls, two_reads); }, rest},
                    {kPoll, kPolls, [&] { polls.over(kPolls, poll); }, work}},
                   turns);
}

// The daemon stands still and the ring is full: every sample is dropped, and counted.
Turns measure_full(AttachedWorker& attached, int turns) {
  const Pinned pinned(0);
  Walk reads(attached.tasks()), polls(attached.tasks());
  polls.over(AttachedService::kRing, poll);
  const std::uint64_t before = attached.dropped();
  Turns t = Turns::of({{kTwoReads, kPolls, [&] { reads.over(kPolls, two_reads); }},
                       {kPoll, kPolls, [&] { polls.over(kPolls, poll); }}},
                      turns);
  if (attached.dropped() - before != kPolls * (static_cast<std::uint64_t>(turns) + 1)) {
    throw std::logic_error("samples were measured as dropped that were not");
  }
  attached.empty_ring();
  return t;
}

void alone_figures(const Effort& effort, Results& results) {
  Turns alone, drained, full;
  const int turns = effort.turns / kAttachments;
  for (int i = 0; i < kAttachments; ++i) {
    AttachedWorker hot(kHot);
    alone.add(measure(hot, turns));
    drained.add(measure_drained(hot, turns));
    full.add(measure_full(hot, turns));
  }
  const auto add = [&](const char* name, Summary s, const char* unit, const char* baseline,
                       Target target = Target::kNone, double bound = 0) {
    results.figures.push_back({name, s.median, s.spread, unit, baseline, target, bound});
  };
  add("poll begin + end, 4096 hot tasks", alone.ratio(kPoll, kTwoReads), "x", kTwoReads,
      Target::kAtMost, 1.10);
  add("  the same in time", alone.ns(kPoll), "ns", "");
  add("  its baseline in time", alone.ns(kTwoReads), "ns", "");
  add("  while its ring is drained without rest", drained.ratio(kPoll, kTwoReads), "x", kTwoReads);
  add("  while its ring is full, samples dropped", full.ratio(kPoll, kTwoReads), "x", kTwoReads);
  add("poll next, 4096 hot tasks", alone.ratio(kNext, kTwoReads), "x", kTwoReads, Target::kAtMost,
      0.65);
  add("  the same in time", alone.ns(kNext), "ns", "");
}

// Beside a pulsed that only observes: it drains and accounts for all of it. Each turn waits until it has come by.
void observed_figures(const Effort& effort, Results& results) {
  constexpr std::uint32_t kRing = 65536;
  constexpr auto kTicks = std::chrono::milliseconds{2};
  const test::OwnDaemon daemon(bin_dir(), {.policy = "enforcement: observe\n"});
  Session session({.run_dir = daemon.run_dir(), .ring_samples = kRing});
  if (!session.wait_attached(std::chrono::seconds(10))) throw std::runtime_error("not attached");
  const Pinned pinned(0);
  const Worker worker(session, "bench");
  const TaskClass cls = session.task_class("bench");
  std::vector<pulsed_task> tasks;
  for (std::uint32_t i = 0; i < kHot; ++i) {
    tasks.push_back(pulsed_task_open(session.c_session(), cls.id()));
  }
  Walk reads(tasks), polls(tasks), row(tasks);
  const auto wait = [&] { std::this_thread::sleep_for(kTicks); };
  poll(tasks.front());
  if (pulsed_tls_hot == nullptr) throw std::runtime_error("this thread is no worker");
  const int turns = std::min(effort.turns, 500);
  const Turns t = Turns::of({{kTwoReads, kPolls, [&] { reads.over(kPolls, two_reads); }, wait},
                             {kPoll, kPolls, [&] { polls.over(kPolls, poll); }, wait},
                             {kNext, kPolls, [&] { polls_in_a_row(row, kPolls); }, wait}},
                            turns);
  const pulsed_worker_line& line = *pulsed_tls_hot->line;
  const double dropped =
      static_cast<double>(line.dropped) / static_cast<double>(line.dropped + line.write) * 100;
  const Summary one = t.ratio(kPoll, kTwoReads), next = t.ratio(kNext, kTwoReads);
  results.figures.push_back(
      {"poll begin + end beside pulsed, observing", one.median, one.spread, "x", kTwoReads});
  results.figures.push_back({"  poll next", next.median, next.spread, "x", kTwoReads});
  results.figures.push_back({"  samples dropped meanwhile", dropped, 0, "%", "all samples"});
}

// From a first-level cache to memory that no cache holds.
void cost_by_tasks(const Effort& effort, Results& results) {
  Series polls{
      "poll-cost-by-tasks", "poll begin + end, against two bare TSC reads", "tasks", "x", {}};
  Series row{"poll-next-cost-by-tasks", "poll next, against two bare TSC reads", "tasks", "x", {}};
  std::vector<std::uint32_t> sizes;
  for (std::uint32_t tasks = 64; tasks < effort.cold_tasks; tasks *= 4) sizes.push_back(tasks);
  sizes.push_back(effort.cold_tasks);
  for (const std::uint32_t tasks : sizes) {
    AttachedWorker attached(tasks);
    const Turns t = measure(attached, effort.turns);
    const Summary one = t.ratio(kPoll, kTwoReads), next = t.ratio(kNext, kTwoReads);
    polls.points.push_back({static_cast<double>(tasks), one.median, one.spread});
    row.points.push_back({static_cast<double>(tasks), next.median, next.spread});
  }
  const std::string cold = ", " + std::to_string(sizes.back()) + " cold tasks";
  const Point &one = polls.points.back(), &next = row.points.back();
  results.figures.push_back({"poll begin + end" + cold, one.value, one.spread, "x", kTwoReads});
  results.figures.push_back({"poll next" + cold, next.value, next.spread, "x", kTwoReads});
  results.series.push_back(std::move(polls));
  results.series.push_back(std::move(row));
}

}  // namespace

void poll_suite(const Effort& effort, Results& results) {
  alone_figures(effort, results);
  observed_figures(effort, results);
  cost_by_tasks(effort, results);
}

}  // namespace pulsed::bench
