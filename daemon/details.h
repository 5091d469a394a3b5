// What the control loop shows of single processes, workers and tasks: too much to be built for every scrape, so it is
// built when someone asks for it.
//
// Immutable, shared as shared_ptr<const Details>; readers keep it as long as they like.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/policy/types.h"

namespace pulsed {

// One attached process.
struct ProcessDetail {
  std::string service;
  pid_t pid = 0;
  uid_t uid = 0;
  std::chrono::system_clock::time_point attached_at;
  std::uint16_t abi_minor = 0;
  std::uint64_t workers = 0;  // attached, without spare ones
  std::uint64_t spare_workers_parked = 0;
  std::uint64_t spare_workers_awake = 0;
  std::uint64_t tasks = 0;  // live
  std::uint64_t tasks_above_monitor = 0;
  std::uint64_t in_flight_over_budget = 0;
  std::uint64_t longest_in_flight_ns = 0;
  std::uint64_t demoted_threads = 0;
  std::uint64_t dropped_samples = 0;   // total
  std::uint64_t rejected_records = 0;  // total
  bool quarantined = false;
};

struct PollDetail {
  std::string task_class;
  std::uint64_t age_ns = 0;  // wall time
  std::uint64_t cpu_ns = 0;  // proven so far
  policy::Blame blame = policy::Blame::kUnknown;
  policy::Tier tier = policy::Tier::kMonitor;  // of its task
  bool over_budget = false;
  bool demoted = false;
  bool reported = false;  // over its budget, or long by the clock: policy::HoldVerdict
};

enum class WorkerKind : std::uint8_t { kOrdinary, kIsolation, kSpare };

struct WorkerDetail {
  std::uint32_t process = 0;  // index into Details::processes
  std::uint32_t line = 0;     // unique in the process
  std::string thread_name;    // printable
  std::uint32_t tid = 0;      // as the service says
  WorkerKind kind = WorkerKind::kOrdinary;
  bool awake = true;  // of a spare worker: it serves a run loop
  std::optional<PollDetail> in_flight;
  std::uint64_t dropped_samples = 0;
};

// A live task above Monitor.
struct TaskDetail {
  std::uint32_t process = 0;  // index into Details::processes
  std::string task_class;
  policy::TaskId id{};
  policy::Tier tier = policy::Tier::kMonitor;
};

struct Details {
  // Over all services; what is beyond is left out and counted.
  static constexpr std::size_t kMostTasks = 10'000;
  static constexpr std::size_t kMostWorkers = 16'384;

  std::vector<ProcessDetail> processes;
  std::vector<WorkerDetail> workers;  // attached
  std::vector<TaskDetail> tasks;
  std::uint64_t tasks_left_out = 0;
  std::uint64_t workers_left_out = 0;
};

// `details` may wait for the loop to build it, at most `patience`, and falls back to the latest; never null. Thread-safe.
// `workers` is the same for those who do without tasks, which are the most to look through.
class DetailsSource {
 public:
  virtual ~DetailsSource() = default;
  [[nodiscard]] virtual std::shared_ptr<const Details> details(
      std::chrono::milliseconds patience) = 0;
  [[nodiscard]] virtual std::shared_ptr<const Details> workers(
      std::chrono::milliseconds patience) = 0;
};

}  // namespace pulsed
