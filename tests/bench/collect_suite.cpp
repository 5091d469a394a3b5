#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/distribution.h"
#include "tests/bench/filled_service.h"
#include "tests/bench/interleaved.h"
#include "tests/bench/suites.h"

namespace pulsed::bench {
namespace {

constexpr std::uint32_t kHot = 4096;
constexpr char kCopy[] = "copying the samples out";
constexpr char kDecide[] = "decide";

Loop decide(FilledService& service, std::string name = kDecide) {
  return {std::move(name), FilledService::kSamples, [&] { service.drain_and_decide(); },
          [&] { service.fill(); }};
}

void check(FilledService& service) {
  if (service.spoilt()) throw std::logic_error("the collector did not take sound samples as such");
}

void rate_figures(const std::string& name, std::uint32_t tasks, Target target, double bound,
                  const Effort& effort, Results& results) {
  FilledService service({.tasks = tasks});
  const Loop copy{kCopy, FilledService::kSamples, [&] { service.copy_out(); },
                  [&] { service.fill(); }};
  const Turns t = Turns::of({copy, decide(service)}, effort.turns);
  const Summary rate = t.millions_per_second(kDecide), ratio = t.ratio(kDecide, kCopy);
  results.figures.push_back({name, rate.median, rate.spread, "M samples/s", "", target, bound});
  results.figures.push_back({"  the same as a ratio", ratio.median, ratio.spread, "x", kCopy});
  check(service);
}

// Tasks at rest must not cost those that are polled: the same slots, beside others that are empty or have such a task.
void resting_figures(const Effort& effort, Results& results) {
  const std::uint32_t resting = effort.cold_tasks;
  constexpr char kAlone[] = "the same tasks alone";
  const auto beside = [&](bool scattered, const std::string& name, Target target, double bound) {
    FilledService alone({.resting = resting, .resting_open = false, .scattered = scattered});
    FilledService among({.resting = resting, .scattered = scattered});
    const Turns t = Turns::of({decide(alone, kAlone), decide(among)}, effort.turns);
    const Summary ratio = t.ratio(kDecide, kAlone);
    results.figures.push_back({name, ratio.median, ratio.spread, "x", kAlone, target, bound});
    check(alone);
    check(among);
  };
  beside(false,
         "drain + decide, " + std::to_string(resting) + " tasks at rest beside 4096 hot ones",
         Target::kAtMost, 1.05);
  beside(true, "  with the hot ones scattered among them", Target::kAtMost, 1.05);

  FilledService together({.resting = resting}), scattered({.resting = resting, .scattered = true});
  const Turns t = Turns::of({decide(together, "together"), decide(scattered)}, effort.turns);
  const Summary ratio = t.ratio(kDecide, "together");
  results.figures.push_back({"  hot ones scattered, so fewer to a cache line", ratio.median,
                             ratio.spread, "x", "in one stretch"});
}

struct Size {
  std::uint32_t size;
  Shape shape;
};

// The same samples from services of several sizes. In rounds over all of them, so that whatever the machine does befalls
// all of them alike; several turns of each in a round, so that it finds the caches as it left them itself.
void sweep(Series series, const std::string& figure, const std::vector<Size>& sizes,
           const Effort& effort, Results& results) {
  constexpr int kRounds = 9;
  const int turns = std::max(3, effort.turns / 5 / kRounds);
  std::vector<std::unique_ptr<FilledService>> services;
  for (const Size& size : sizes) services.push_back(std::make_unique<FilledService>(size.shape));
  std::vector<Turns> all(sizes.size());
  std::vector<double> exponents;
  for (int round = 0; round < kRounds; ++round) {
    Series of_round{};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const Turns t = Turns::of({decide(*services[i])}, turns);
      of_round.points.push_back({static_cast<double>(sizes[i].size), t.ns(kDecide).median, 0});
      all[i].add(t);
    }
    exponents.push_back(of_round.exponent());
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    check(*services[i]);
    const Summary ns = all[i].ns(kDecide);
    series.points.push_back({static_cast<double>(sizes[i].size), ns.median, ns.spread});
  }
  const Summary exponent = median_of(exponents);
  results.figures.push_back({figure, exponent.median, exponent.spread, "exponent", ""});
  results.series.push_back(std::move(series));
}

void sweeps(const Effort& effort, Results& results) {
  std::vector<Size> by_tasks, by_resting, by_rings, by_classes;
  for (std::uint32_t n = 1; n <= effort.cold_tasks; n *= 10) {
    by_tasks.push_back({n, {.tasks = n}});
    by_resting.push_back({n, {.resting = n}});
  }
  for (std::uint32_t n = 1; n <= 64; n *= 2) by_rings.push_back({n, {.rings = n}});
  for (std::uint32_t n = 1; n <= 1000; n *= 10) {
    by_classes.push_back({n, {.classes = static_cast<std::uint16_t>(n)}});
  }
  sweep({"sample-by-polled-tasks",
         "Drain + decide, tasks polled in random order",
         "tasks",
         "ns a sample",
         {}},
        "drain + decide, cost by tasks polled", by_tasks, effort, results);
  sweep({"sample-by-resting-tasks",
         "Drain + decide of 4096 hot tasks, beside others at rest",
         "tasks at rest",
         "ns a sample",
         {}},
        "drain + decide, cost by tasks at rest", by_resting, effort, results);
  sweep({"sample-by-rings",
         "Drain + decide, the same samples from several rings",
         "rings",
         "ns a sample",
         {}},
        "drain + decide, cost by rings", by_rings, effort, results);
  sweep({"sample-by-classes",
         "Drain + decide of 4096 hot tasks of several classes",
         "classes",
         "ns a sample",
         {}},
        "drain + decide, cost by classes", by_classes, effort, results);
}

}  // namespace

void collect_suite(const Effort& effort, Results& results) {
  rate_figures("drain + decide, 4096 hot tasks", kHot, Target::kAtLeast, 50, effort, results);
  rate_figures("drain + decide, " + std::to_string(effort.cold_tasks) + " cold tasks",
               effort.cold_tasks, Target::kNone, 0, effort, results);
  resting_figures(effort, results);
  sweeps(effort, results);
}

}  // namespace pulsed::bench
