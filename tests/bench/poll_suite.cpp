#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/bench/attached_worker.h"
#include "tests/bench/interleaved.h"
#include "tests/bench/suites.h"

namespace pulsed::bench {
namespace {

constexpr std::uint64_t kPolls = 8192;  // a turn: fits the ring, so that no sample is dropped
// Fresh segments lie on other physical pages, and caches treat some better than others by a few per cent.
constexpr int kAttachments = 12;
constexpr char kPoll[] = "poll";
constexpr char kTwoReads[] = "two bare TSC reads";

// Goes through the tasks, a stretch each turn.
class Walk {
 public:
  explicit Walk(const std::vector<pulsed_task>& tasks) : tasks_(tasks) {}
  template <typename F>
  void over(std::uint64_t count, F&& f) {
    for (std::uint64_t i = 0; i < count; ++i) {
      f(tasks_[at_]);
      if (++at_ == tasks_.size()) at_ = 0;
    }
  }

 private:
  const std::vector<pulsed_task>& tasks_;
  std::size_t at_ = 0;
};

void two_reads(pulsed_task task) {
  keep(task.ref);
  keep(pulsed_now());
  keep(pulsed_now());
}

void poll(pulsed_task task) {
  pulsed_poll_begin(task);
  keep();
  pulsed_poll_end();
}

Turns measure(AttachedWorker& attached, int turns) {
  Walk reads(attached.tasks()), polls(attached.tasks());
  const auto empty = [&] { attached.empty_ring(); };
  const std::uint64_t before = attached.written();
  Turns t = Turns::of({{kTwoReads, kPolls, [&] { reads.over(kPolls, two_reads); }, empty},
                       {kPoll, kPolls, [&] { polls.over(kPolls, poll); }, empty}},
                      turns);
  if (attached.written() - before != kPolls * (static_cast<std::uint64_t>(turns) + 1)) {
    throw std::logic_error("polls were measured that were not recorded");
  }
  return t;
}

// A thread that takes every sample out, as the daemon would, but without rest.
class Drainer {
 public:
  explicit Drainer(shm::RingReader& ring) : thread_([this, &ring] { run(ring); }) {}
  ~Drainer() {
    stop_ = true;
    thread_.join();
  }
  Drainer(const Drainer&) = delete;
  Drainer& operator=(const Drainer&) = delete;

 private:
  void run(shm::RingReader& ring) {
    while (!stop_.load(std::memory_order_relaxed)) {
      std::uint64_t sum = 0;
      (void)ring.drain(UINT32_MAX, [&](pulsed_sample s) { sum += s.ref ^ s.span; });
      keep(sum);
    }
  }
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Turns measure_drained(AttachedWorker& attached, int turns) {
  Walk reads(attached.tasks()), polls(attached.tasks());
  const Drainer drainer(attached.ring());
  return Turns::of({{kTwoReads, kPolls, [&] { reads.over(kPolls, two_reads); }},
                    {kPoll, kPolls, [&] { polls.over(kPolls, poll); }}},
                   turns);
}

}  // namespace

void poll_suite(const Effort& effort, Results& results) {
  Turns alone, drained;
  for (int i = 0; i < kAttachments; ++i) {
    AttachedWorker hot(4096);
    alone.add(measure(hot, effort.turns / kAttachments));
    drained.add(measure_drained(hot, effort.turns / kAttachments));
  }
  const Summary ratio = alone.ratio(kPoll, kTwoReads), together = drained.ratio(kPoll, kTwoReads);
  const Summary ns = alone.ns(kPoll), reads = alone.ns(kTwoReads);
  results.figures.push_back({"poll begin + end, 4096 hot tasks", ratio.median, ratio.spread, "x",
                             kTwoReads, Target::kAtMost, 1.10});
  results.figures.push_back({"  the same in time", ns.median, ns.spread, "ns", ""});
  results.figures.push_back({"  its baseline in time", reads.median, reads.spread, "ns", ""});
  results.figures.push_back({"  while its ring is drained without rest", together.median,
                             together.spread, "x", kTwoReads});

  AttachedWorker cold(effort.cold_tasks);
  const Summary far = measure(cold, effort.turns).ratio(kPoll, kTwoReads);
  results.figures.push_back(
      {"poll begin + end, " + std::to_string(effort.cold_tasks) + " cold tasks", far.median,
       far.spread, "x", kTwoReads});
}

}  // namespace pulsed::bench
