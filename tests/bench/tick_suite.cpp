#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "daemon/held_workers.h"
#include "tests/bench/distribution.h"
#include "tests/bench/interleaved.h"
#include "tests/bench/suites.h"
#include "tests/support/attached_by_hand.h"

namespace pulsed::bench {
namespace {

constexpr std::uint32_t kMostWorkers = 1024;
constexpr char kTick[] = "tick";

// What a tick of the control loop does about one service, whose first worker polls while all others are at rest.
class TickedService {
 public:
  explicit TickedService(std::uint32_t resting)
      : hand_(true, {resting + 1, 64, 1024, 64}), held_(demoter_, hand_.clock(), reporter_) {
    hand_.add_class(1, "busy");
    for (std::uint32_t i = 0; i <= resting; ++i) hand_.add_worker(i);
    tick();
  }

  // A poll has ended since the last tick, and another begun.
  void poll() {
    hand_.pass(std::chrono::milliseconds(1));
    hand_.push_exact(0, 20, 1, 1, std::chrono::microseconds(20));
    hand_.begin_poll(0, test::AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL),
                     std::chrono::microseconds(10));
  }
  void tick() {
    collect::Service& service = hand_.service();
    hand_.tick();
    service.tiers.tick(hand_.now());
    service.tiers.clear_changes();
    held_.answer(service, hand_.now());
    service.directives.heartbeat(hand_.clock().now(), 1);
  }

 private:
  test::AttachedByHand hand_;
  act::Demoter demoter_{nullptr, nullptr};
  EventLog events_;
  Reporter reporter_{events_};
  HeldWorkers held_;
};

// As a core's caches are when the service and the rest of the machine used them between two ticks.
void lose_caches() {
  static std::vector<char> other(std::size_t{8} << 20);
  for (std::size_t i = 0; i < other.size(); i += PULSED_CACHE_LINE) other[i] = 1;
  keep();
}

struct Caches {
  std::uint64_t ticks;  // in a turn
  void (*before)();
};

// By round, so that the slope has a spread; turns of all sizes alternate within one.
Summary by_workers(Series series, const Caches& caches, int turns, Results& results) {
  constexpr int kRounds = 9;
  std::vector<std::unique_ptr<TickedService>> services;
  std::vector<Loop> loops;
  for (std::uint32_t resting = 1; resting <= kMostWorkers; resting *= 4) {
    TickedService* service = services.emplace_back(std::make_unique<TickedService>(resting)).get();
    const auto ticks = [service, n = caches.ticks] {
      for (std::uint64_t i = 0; i < n; ++i) {
        service->poll();
        service->tick();
      }
    };
    loops.push_back({std::to_string(resting), caches.ticks, ticks, caches.before});
  }
  Turns all;
  std::vector<double> slopes;
  const auto points = [&](const Turns& t) {
    std::vector<Point> found;
    for (const Loop& loop : loops) {
      const Summary ns = t.ns(loop.name);
      found.push_back({std::stod(loop.name), ns.median, ns.spread});
    }
    return found;
  };
  for (int round = 0; round < kRounds; ++round) {
    const Turns t = Turns::of(loops, std::max(3, turns / kRounds));
    slopes.push_back(Series{"", "", "", "", points(t)}.slope());
    all.add(t);
  }
  series.points = points(all);
  results.series.push_back(std::move(series));
  return median_of(slopes);
}

}  // namespace

void tick_suite(const Effort& effort, Results& results) {
  const Summary warm = by_workers({"tick-by-resting-workers",
                                   "A tick of the control loop: one worker polls, the others rest",
                                   "resting workers",
                                   "ns a tick",
                                   {}},
                                  {16, [] {}}, effort.turns, results);
  const Summary cold =
      by_workers({"tick-by-resting-workers-cold",
                  "The same, the core's own caches having been used by others between ticks",
                  "resting workers",
                  "ns a tick",
                  {}},
                 {1, lose_caches}, effort.turns / 5, results);
  results.figures.push_back(
      {"a tick, each worker at rest", warm.median, warm.spread, "ns a worker", ""});
  results.figures.push_back({"  where the caches were used by others meanwhile", cold.median,
                             cold.spread, "ns a worker", ""});
}

}  // namespace pulsed::bench
