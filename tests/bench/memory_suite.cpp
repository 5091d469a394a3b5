#include <pulsed/shim.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/policy/tier_manager.h"
#include "tests/bench/bin_dir.h"
#include "tests/bench/suites.h"
#include "tests/support/own_daemon.h"

namespace pulsed::bench {
namespace {

// So many tasks fill whole pages of every table that has a word for each.
constexpr std::uint32_t kBatch = 4096;
constexpr char kS[] = "/memfd:pulsed-s";
constexpr char kD[] = "/memfd:pulsed-d";

// The sum of one field, in bytes, over what a process has mapped: over all of it, or the mappings of one name.
std::int64_t mapped_bytes(pid_t pid, const std::string& field, const std::string& name = {}) {
  std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
  if (!smaps) throw std::runtime_error("the kernel does not say what memory a process has");
  bool wanted = name.empty();
  bool found = wanted;
  std::int64_t kilobytes = 0;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (!first.ends_with(':')) {  // a mapping begins: addresses, rights, ..., name
      wanted = name.empty() || line.find(name) != std::string::npos;
      found = found || wanted;
    } else if (std::int64_t value = 0; wanted && first == field && words >> value) {
      kilobytes += value;
    }
  }
  if (!found) throw std::runtime_error("no mapping of " + name + " was found");
  return kilobytes * 1024;
}

struct Memory {
  std::int64_t shared;  // pages of S that the service touched, and of D that the daemon did
  std::int64_t daemon;  // what it has for itself alone
};

// A service of this process that opens tasks, polls each once, and keeps them.
class Scene {
 public:
  explicit Scene(std::uint32_t tasks)
      : daemon_(bin_dir(), {.policy = "enforcement: enforce\n"}),
        session_({.service = "memory", .run_dir = daemon_.run_dir(), .tasks = tasks + 2 * kBatch}),
        tasks_(tasks + kBatch) {
    if (!session_.wait_attached(std::chrono::seconds{10})) throw std::runtime_error("not attached");
    worker_.emplace(session_, "memory");
    // Whatever is there however many tasks there are, all of the ring included, is there before the first look.
    open_batch();
    for (int i = 0; i < 8; ++i) poll_batch();
  }

  [[nodiscard]] Memory memory() {
    const pid_t daemon = daemon_.process().pid();
    return {mapped_bytes(::getpid(), "Rss:", kS) + mapped_bytes(daemon, "Rss:", kD),
            mapped_bytes(daemon, "Anonymous:")};
  }
  void open_all() {
    while (opened_ < tasks_.size()) open_batch();
    if (daemon_.sum("pulsed_tasks") != static_cast<double>(opened_)) {
      throw std::runtime_error("the daemon does not know all tasks");
    }
  }

 private:
  void open_batch() {
    const TaskClass cls = session_.task_class("memory");
    for (std::uint32_t i = 0; i < kBatch; ++i) {
      tasks_[opened_++] = pulsed_task_open(session_.c_session(), cls.id());
    }
    poll_batch();
  }
  // Those opened last. Waits until the daemon has read all samples, so that its ring drops none.
  void poll_batch() {
    for (std::size_t i = opened_ - kBatch; i < opened_; ++i) const PollScope poll(tasks_[i]);
    polls_ += kBatch;
    const auto read = [&] {
      return daemon_.sum("pulsed_poll_duration_seconds_count") == static_cast<double>(polls_);
    };
    if (!test::wait_until(read)) throw std::runtime_error("the daemon has not seen all polls");
  }

  test::OwnDaemon daemon_;
  Session session_;
  std::optional<Worker> worker_;
  std::vector<pulsed_task> tasks_;  // all of it touched from the start
  std::size_t opened_ = 0;
  std::uint64_t polls_ = 0;
};

// Of tasks that all went over their budget of late: the most that the daemon remembers of one.
double bytes_an_offender() {
  constexpr std::uint32_t kOffenders = 100'000;
  policy::TierManager tiers({kOffenders + 1, 2});
  const policy::Time now = std::chrono::hours{1};
  for (std::uint32_t slot = 1; slot <= kOffenders; ++slot) {
    const auto cpu = std::chrono::milliseconds{2};
    tiers.poll_ended({{slot, 1}, policy::ClassId{1}, cpu, cpu, true, false}, now);
    tiers.clear_changes();
  }
  if (tiers.offenders() != kOffenders) throw std::logic_error("not all tasks are remembered");
  return static_cast<double>(tiers.memory_bytes()) / kOffenders;
}

}  // namespace

void memory_suite(const Effort& effort, Results& results) {
  const std::uint32_t tasks = effort.cold_tasks / kBatch * kBatch;
  Scene scene(tasks);
  const Memory before = scene.memory();
  scene.open_all();
  const Memory after = scene.memory();
  const auto each = [&](std::int64_t from, std::int64_t to) {
    return static_cast<double>(to - from) / tasks;
  };
  const std::string count = std::to_string(tasks) + " live tasks";
  results.figures.push_back({"shared memory, of " + count, each(before.shared, after.shared), 0,
                             "B a task", "Rss of S and D", Target::kAtMost, 16});
  results.figures.push_back({"memory of the daemon, of " + count, each(before.daemon, after.daemon),
                             0, "B a task", "Anonymous of pulsed", Target::kAtMost, 64});
  results.figures.push_back({"  the daemon's, all of them over budget within the last second",
                             bytes_an_offender(), 0, "B a task", "TierManager::memory_bytes"});
}

}  // namespace pulsed::bench
