// How soon what happens is answered: a poll over its budget, while it runs; a directive, once it is set; a policy, once its
// file has changed.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <future>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pulsed/shim.hpp>

#include "shared_memory/tick_clock.h"
#include "tests/bench/bin_dir.h"
#include "tests/bench/directive_crossing.h"
#include "tests/bench/distribution.h"
#include "tests/bench/suites.h"
#include "tests/support/own_daemon.h"

namespace pulsed::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kBudget{1};  // of the default policy, and of test::kYieldPolicy
constexpr char kBeyondBudget[] = "its budget of 1 ms of CPU";

nanoseconds thread_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds{t.tv_sec} + nanoseconds{t.tv_nsec};
}

// Nothing that is waited for here takes as long, unless it never comes.
class Patience {
 public:
  Patience(const shm::TickClock& clock, const char* awaited)
      : end_(pulsed_now() + clock.to_ticks(std::chrono::seconds{10})), awaited_(awaited) {}
  void check() const {
    if (pulsed_now() > end_) throw std::runtime_error(std::string("in vain: ") + awaited_);
  }

 private:
  std::uint64_t end_;
  const char* awaited_;
};

// A worker whose polls are too long, of a task that is asked to yield. On one thread.
class Hog {
 public:
  Hog(Session& session, const shm::TickClock& clock)
      : clock_(clock),
        worker_(session, "hog"),
        task_(session.open(session.task_class("hog"))),
        light_(session.open(session.task_class("light"))) {
    if (!worker_.attached()) throw std::runtime_error("this thread is no worker");
    const Patience patience(clock_, "a task that is asked to yield");
    while (!is_asked()) {
      const PollScope poll(task_);
      burn(3 * kBudget);
      patience.check();
    }
  }

  // From the moment that a poll has burned its budget until it sees that it is asked to yield, in milliseconds; 0 if it is
  // asked before. By the clock, but until its budget by its own CPU time: what else runs here keeps it from that.
  double asked_after() {
    const PollScope poll(task_);
    const nanoseconds budget_end = thread_cpu() + kBudget;
    const Patience patience(clock_, "a poll over its budget that is asked to yield");
    while (!should_yield() && thread_cpu() < budget_end) patience.check();
    const std::uint64_t over = pulsed_now();
    while (!should_yield()) patience.check();
    const std::uint64_t seen = pulsed_now();
    yielding();
    return static_cast<double>(clock_.to_ns(seen - over)) / 1e6;
  }

  [[nodiscard]] bool is_asked() const { return (task_.directive() & PULSED_DIRECTIVE_YIELD) != 0; }

  void poll_lightly(microseconds time) {
    const std::uint64_t end = pulsed_now() + clock_.to_ticks(time);
    while (pulsed_now() < end) {
      const PollScope poll(light_);
      burn(microseconds{20});
    }
  }

 private:
  void burn(nanoseconds time) const {
    const std::uint64_t end = pulsed_now() + clock_.to_ticks(time);
    while (pulsed_now() < end) {
    }
  }

  const shm::TickClock& clock_;
  Worker worker_;
  Task task_;
  Task light_;
};

// What comes before each of the polls that are measured.
enum class Before {
  kLightPolls,  // the control loop is awake
  kRest,        // it ticks as it does where nothing happens
};

// Two to four milliseconds, or long enough for the loop to come to rest: so that polls begin at any time between two ticks.
void pass(Hog& hog, Before before, std::minstd_rand& random) {
  if (before == Before::kLightPolls) {
    hog.poll_lightly(microseconds{2000 + random() % 2000});
  } else {
    std::this_thread::sleep_for(microseconds{80'000 + random() % 20'000});
  }
}

class Trials {
 public:
  explicit Trials(const std::string& run_dir) : session_({.service = "hogs", .run_dir = run_dir}) {
    if (!session_.wait_attached(std::chrono::seconds{10})) throw std::runtime_error("not attached");
  }

  // So many rounds of so many polls, on each of so many workers at once.
  Rounds measure(Before before, unsigned workers, int rounds, int polls) {
    std::vector<std::future<std::vector<std::vector<double>>>> all;
    for (unsigned i = 0; i < workers; ++i) {
      all.push_back(std::async(std::launch::async, [=, this] {
        std::minstd_rand random(i + 1);
        Hog hog(session_, clock_);
        std::vector<std::vector<double>> of_rounds;
        for (int round = 0; round < rounds; ++round) {
          std::vector<double>& delays = of_rounds.emplace_back();
          for (int n = 0; n < polls; ++n) {
            pass(hog, before, random);
            delays.push_back(hog.asked_after());
          }
        }
        return of_rounds;
      }));
    }
    Rounds sum;
    for (auto& one : all) {
      for (std::vector<double>& delays : one.get()) sum.add(std::move(delays));
    }
    return sum;
  }

 private:
  shm::TickClock clock_;
  Session session_;
};

void report(Results& results, const std::string& name, const Rounds& delays,
            std::optional<double> most_p99) {
  const auto [p99, p99_spread] = delays.at(0.99);
  const auto [p50, p50_spread] = delays.at(0.5);
  Figure figure{name + ", p99", p99, p99_spread, "ms beyond", kBeyondBudget};
  if (most_p99) {
    figure.target = Target::kAtMost;
    figure.bound = *most_p99;
  }
  results.figures.push_back(figure);
  results.figures.push_back({"  the same, p50", p50, p50_spread, "ms beyond", kBeyondBudget});
}

void in_flight_figures(const test::OwnDaemon& daemon, const Effort& effort, Results& results) {
  Trials trials(daemon.run_dir());
  const int polls = effort.quick ? 60 : 300;
  constexpr int kRounds = 5;
  report(results, "poll over budget, until it is asked to yield",
         trials.measure(Before::kLightPolls, 1, kRounds, polls), 1);
  const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
  report(results, "  with one on every CPU",
         trials.measure(Before::kLightPolls, cpus, kRounds, polls), 1);
  report(results, "  the first poll after rest",
         trials.measure(Before::kRest, 1, effort.quick ? 3 : kRounds, effort.quick ? 10 : 60), {});
}

// From just before the policy's file is written until a service that polls is asked what it says, in milliseconds.
std::vector<double> policy_updates(test::OwnDaemon& daemon, int count) {
  const std::string enforce = test::kYieldPolicy;
  const std::string shadow = "enforcement: shadow" + enforce.substr(enforce.find('\n'));
  const shm::TickClock clock;
  Session session({.service = "updated", .run_dir = daemon.run_dir()});
  if (!session.wait_attached(std::chrono::seconds{10})) throw std::runtime_error("not attached");
  Hog hog(session, clock);
  std::vector<double> took;
  for (int i = 0; i < count; ++i) {
    const bool asks = !hog.is_asked();
    const Patience patience(clock, "a policy that is in force");
    const std::uint64_t begin = pulsed_now();
    daemon.write_policy(asks ? enforce : shadow);
    daemon.process().signal(SIGHUP);
    while (hog.is_asked() != asks) {
      hog.poll_lightly(microseconds{20});
      patience.check();
    }
    took.push_back(static_cast<double>(clock.to_ns(pulsed_now() - begin)) / 1e6);
  }
  return took;
}

void policy_figures(test::OwnDaemon& daemon, const Effort& effort, Results& results) {
  Rounds updates;
  for (int round = 0; round < 5; ++round) {
    updates.add(policy_updates(daemon, effort.quick ? 8 : 40));
  }
  const auto [p50, p50_spread] = updates.at(0.5);
  const auto [p99, p99_spread] = updates.at(0.99);
  results.figures.push_back({"policy file changed + SIGHUP, until it is in force in a service, p50",
                             p50, p50_spread, "ms", ""});
  results.figures.push_back({"  the same, p99", p99, p99_spread, "ms", ""});
}

void crossing_figures(const Effort& effort, Results& results) {
  if (std::thread::hardware_concurrency() < 2) {
    results.absent.push_back("a directive, until a worker on another CPU sees it: needs two CPUs");
    return;
  }
  Rounds directives;
  Rounds stores;
  DirectiveCrossing crossing;
  const std::size_t count = effort.quick ? 5'000 : 50'000;
  for (int round = 0; round < 9; ++round) {
    stores.add(crossing.bare_stores(count));
    directives.add(crossing.directives(count));
  }
  constexpr char kStore[] = "a store seen by a thread that spins on it";
  const auto [p99, p99_spread] = directives.at(0.99);
  const auto [p50, p50_spread] = directives.at(0.5);
  const auto [bare_p50, bare_p50_spread] = stores.at(0.5);
  const auto [bare_p99, bare_p99_spread] = stores.at(0.99);
  results.figures.push_back({"directive set, until a polling worker sees it, p99", p99, p99_spread,
                             "ns", "", Target::kAtMost, 200});
  results.figures.push_back({"  the same, p50", p50, p50_spread, "ns", ""});
  results.figures.push_back(
      {"  the same as a ratio", p50 / bare_p50, p50_spread / bare_p50, "x", kStore});
  results.figures.push_back({"  its baseline, p50", bare_p50, bare_p50_spread, "ns", ""});
  results.figures.push_back({"  its baseline, p99", bare_p99, bare_p99_spread, "ns", ""});
}

// Without these rights the daemon is later, as it says itself.
void name_missing_rights(const test::OwnDaemon& daemon, Results& results) {
  const test::Metrics metrics = daemon.metrics();
  if (metrics.sum("pulsed_high_priority") != 1) {
    results.absent.push_back(
        "delays of a control loop at high priority: not allowed (CAP_SYS_NICE)");
  }
  if (metrics.sum("pulsed_exact_run_times") != 1) {
    results.absent.push_back(
        "delays with CPU clocks that the daemon reads itself: not allowed (CAP_PERFMON), so the "
        "shim was asked");
  }
}

}  // namespace

void delay_suite(const Effort& effort, Results& results) {
  crossing_figures(effort, results);
  test::OwnDaemon daemon(bin_dir(), {.policy = test::kYieldPolicy});
  name_missing_rights(daemon, results);
  in_flight_figures(daemon, effort, results);
  policy_figures(daemon, effort, results);
}

}  // namespace pulsed::bench
