#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pulsed/shim.hpp>

#include "tests/bench/bin_dir.h"
#include "tests/bench/distribution.h"
#include "tests/bench/process_cpu.h"
#include "tests/bench/suites.h"
#include "tests/support/own_daemon.h"

namespace pulsed::bench {
namespace {

using std::chrono::milliseconds;

constexpr char kOneCore[] = "one core";
constexpr unsigned kMany = 1024;

// What a worker did before it came to rest.
enum class Past {
  kShortPolls,
  kLongPoll,  // so long that the daemon opened the CPU clock of its thread
};

// A service whose workers have polled and now wait, as on an empty queue.
class RestingService {
 public:
  RestingService(const std::string& run_dir, unsigned workers, Past past)
      : session_({.service = "resting", .run_dir = run_dir, .workers = workers}),
        poll_may_end_(end_of_poll_.get_future()),
        end_(end_of_rest_.get_future()),
        in_poll_(workers),
        at_rest_(workers) {
    if (!session_.wait_attached(std::chrono::seconds{10})) throw std::runtime_error("not attached");
    if (past == Past::kShortPolls) end_polls();
    for (unsigned i = 0; i < workers; ++i) threads_.emplace_back([this] { run(); });
    in_poll_.wait();
  }
  ~RestingService() {
    end_polls();
    end_of_rest_.set_value();
    for (std::thread& thread : threads_) thread.join();
  }
  RestingService(const RestingService&) = delete;
  RestingService& operator=(const RestingService&) = delete;

  void end_polls() {
    if (!std::exchange(polls_end_, true)) end_of_poll_.set_value();
  }
  void wait_at_rest() {
    at_rest_.wait();
    if (attached_ != threads_.size()) throw std::runtime_error("a thread is no worker");
  }

 private:
  void run() {
    const Worker worker(session_, "resting");
    if (worker.attached()) ++attached_;
    {
      const Task task = session_.open(session_.task_class("before rest"));
      const PollScope poll(task);
      in_poll_.count_down();
      poll_may_end_.wait();
    }
    at_rest_.count_down();
    end_.wait();
  }

  Session session_;
  bool polls_end_ = false;
  std::promise<void> end_of_poll_;
  std::promise<void> end_of_rest_;
  std::shared_future<void> poll_may_end_;
  std::shared_future<void> end_;
  std::latch in_poll_;
  std::latch at_rest_;
  std::atomic<std::size_t> attached_{0};
  std::vector<std::thread> threads_;
};

// A daemon under the policy it has without a file, and services at rest beside it.
class Scene {
 public:
  explicit Scene(const Effort& effort)
      : daemon_(bin_dir(), {.policy = "enforcement: shadow\n"}),
        windows_(effort.quick ? 5 : 15),
        window_(effort.quick ? 200 : 1000) {}

  [[nodiscard]] bool opens_clocks() const { return daemon_.sum("pulsed_exact_run_times") == 1; }

  // The share of a core that the daemon takes, in per cent.
  Summary measure(unsigned services, unsigned workers_each, Past past = Past::kShortPolls) {
    const std::size_t descriptors = daemon_.process().open_descriptors();
    std::vector<std::unique_ptr<RestingService>> resting;
    for (unsigned i = 0; i < services; ++i) {
      resting.push_back(std::make_unique<RestingService>(daemon_.run_dir(), workers_each, past));
    }
    if (past == Past::kLongPoll) wait_for_clocks(descriptors + services * workers_each);
    for (const auto& service : resting) {
      service->end_polls();
      service->wait_at_rest();
    }
    wait_for_workers(services * workers_each);
    return share_at_rest();
  }

 private:
  void wait_for_clocks(std::size_t descriptors) {
    const auto opened = [&] { return daemon_.process().open_descriptors() >= descriptors; };
    if (!test::wait_until(opened)) throw std::runtime_error("CPU clocks were not opened");
  }
  // Of services that were measured before some may not have been seen to leave yet.
  void wait_for_workers(unsigned count) {
    const auto seen = [&] { return daemon_.sum("pulsed_service_workers") == count; };
    if (!test::wait_until(seen)) throw std::runtime_error("the daemon does not see all workers");
  }

  Summary share_at_rest() {
    std::this_thread::sleep_for(milliseconds{200});  // until it has come to rest
    std::vector<double> shares;
    for (int i = 0; i < windows_; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      const auto before = cpu_time_of(daemon_.process().pid());
      std::this_thread::sleep_for(window_);
      const auto took = cpu_time_of(daemon_.process().pid()) - before;
      const auto passed = std::chrono::steady_clock::now() - begin;
      shares.push_back(100.0 * static_cast<double>(took.count()) /
                       static_cast<double>(passed.count()));
    }
    return median_of(shares);
  }

  test::OwnDaemon daemon_;
  int windows_;
  milliseconds window_;
};

std::string name_of(unsigned workers) {
  return "daemon at rest, " + std::to_string(workers) + " attached worker" +
         (workers == 1 ? "" : "s");
}

void by_workers(Scene& scene, const Effort& effort, Results& results) {
  Series series{
      "rest-by-workers", "CPU time of a daemon at rest", "attached workers", "% of a core", {}};
  std::vector<unsigned> sizes{1, 64, kMany};
  if (!effort.quick) sizes = {1, 4, 16, 64, 256, kMany};
  for (const unsigned workers : sizes) {
    const Summary share = scene.measure(1, workers);
    series.points.push_back({static_cast<double>(workers), share.median, share.spread});
    Figure figure{name_of(workers), share.median, share.spread, "% of a core", kOneCore};
    if (workers == 64 || workers == kMany) {
      figure.target = Target::kAtMost;
      figure.bound = workers == 64 ? 1 : 2;
    } else if (workers != 1) {
      continue;  // of the series alone
    }
    results.figures.push_back(figure);
  }
  results.series.push_back(series);
}

}  // namespace

void rest_suite(const Effort& effort, Results& results) {
  Scene scene(effort);
  const auto report = [&](const std::string& name, const Summary& share, double most) {
    results.figures.push_back(
        {name, share.median, share.spread, "% of a core", kOneCore, Target::kAtMost, most});
  };
  by_workers(scene, effort, results);
  report("  in 16 services of 64", scene.measure(16, kMany / 16), 2);
  if (!scene.opens_clocks()) {
    results.absent.push_back(
        "a daemon at rest with CPU clocks open: not allowed to open them (CAP_PERFMON)");
    return;
  }
  report("  64 workers, each held by a long poll before", scene.measure(1, 64, Past::kLongPoll), 1);
}

}  // namespace pulsed::bench
