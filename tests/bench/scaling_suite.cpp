#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "tests/bench/distribution.h"
#include "tests/bench/poll_loops.h"
#include "tests/bench/suites.h"
#include "tests/bench/worker_team.h"

namespace pulsed::bench {
namespace {

constexpr std::uint32_t kTasks = 1024;  // of each worker: hot
constexpr char kOne[] = "one worker";

// 1, 2, 4, ... and as many as there are CPUs. More than those would take turns on them, and each turn's cost would be
// that of fewer.
std::vector<unsigned> team_sizes(unsigned cpus) {
  std::vector<unsigned> sizes;
  for (unsigned n = 1; n < cpus; n *= 2) sizes.push_back(n);
  sizes.push_back(cpus);
  return sizes;
}

std::vector<shm::RingReader> rings_of(const AttachedService& service, unsigned workers) {
  std::vector<shm::RingReader> rings;
  for (unsigned i = 0; i < workers; ++i) rings.push_back(service.ring(i));
  return rings;
}

// Takes all samples out of all rings, over and over, with a rest between in which no ring fills.
class RestingDrainer {
 public:
  explicit RestingDrainer(std::vector<shm::RingReader> rings)
      : rings_(std::move(rings)), thread_([this] { run(); }) {}
  ~RestingDrainer() {
    stop_ = true;
    thread_.join();
  }
  RestingDrainer(const RestingDrainer&) = delete;
  RestingDrainer& operator=(const RestingDrainer&) = delete;

 private:
  void run() {
    while (!stop_.load(std::memory_order_relaxed)) {
      std::uint64_t sum = 0;
      for (shm::RingReader& ring : rings_) {
        (void)ring.drain(UINT32_MAX, [&](pulsed_sample s) { sum += s.ref ^ s.span; });
      }
      keep(sum);
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
  std::vector<shm::RingReader> rings_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// A poll's cost in each turn, by the size of the team, against that of one worker in the same turn.
struct Scaling {
  explicit Scaling(const std::vector<unsigned>& team_sizes)
      : sizes(team_sizes), ratios(team_sizes.size()) {}
  void take_turn(WorkerTeam& team, std::uint64_t polls, const std::function<void()>& prepare) {
    double one = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      prepare();
      const double ticks = team.poll(sizes[i], polls);
      if (i == 0) one = ticks;
      ratios[i].push_back(ticks / one);
    }
  }
  [[nodiscard]] Series series(const char* name, const char* title) const {
    Series s{name, title, "workers", "x", {}};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const Summary ratio = median_of(ratios[i]);
      s.points.push_back({static_cast<double>(sizes[i]), ratio.median, ratio.spread});
    }
    return s;
  }
  std::vector<unsigned> sizes;
  std::vector<std::vector<double>> ratios;  // by size
};

void report(Series series, const char* what, Results& results) {
  for (std::size_t i = 1; i < series.points.size(); ++i) {
    const Point& p = series.points[i];
    results.figures.push_back(
        {"poll begin + end, " + std::to_string(static_cast<unsigned>(p.size)) + " workers" + what,
         p.value, p.spread, "x", kOne});
  }
  results.series.push_back(std::move(series));
}

}  // namespace

void scaling_suite(const Effort& effort, Results& results) {
  const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
  if (cpus == 1) {
    results.absent.emplace_back("polls on more than one worker: there is one CPU");
    return;
  }
  AttachedService service(cpus * kTasks, cpus);
  WorkerTeam team(service, cpus, kTasks);
  std::vector<shm::RingReader> rings = rings_of(service, cpus);
  Scaling alone(team_sizes(cpus)), drained(team_sizes(cpus));
  for (int turn = 0; turn < effort.turns; ++turn) {
    alone.take_turn(team, kPolls, [&] {
      for (shm::RingReader& ring : rings) ring.discard();
    });
  }
  {
    const RestingDrainer drainer(rings);
    for (int turn = 0; turn < effort.turns; ++turn) drained.take_turn(team, 4 * kPolls, [] {});
  }
  report(alone.series("poll-cost-by-workers", "poll begin + end by workers, against one worker"),
         "", results);
  report(drained.series("poll-cost-by-workers-drained",
                        "poll begin + end by workers while their rings are drained, against one"),
         ", drained meanwhile", results);
}

}  // namespace pulsed::bench
