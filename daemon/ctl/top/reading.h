// What MonitorService said at one time, in plain types: all that the model of `pulsectl top` knows of the daemon.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pulsed::ctl::top {

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

enum class Tier : std::uint8_t { kMonitor, kWarn, kYield, kIsolate };
enum class Enforcement : std::uint8_t { kObserve, kShadow, kEnforce };
enum class Blame : std::uint8_t { kUnknown, kBurning, kRunnable, kBlocked };
enum class WorkerKind : std::uint8_t { kOrdinary, kIsolation, kSpare };

inline constexpr std::size_t kTierCount = 4;

struct StatusReading {
  std::string version;
  WallTime started_at;  // differs from one run of the daemon to the next
  Duration since_last_tick{};
  std::uint64_t policy_revision = 0;
  Enforcement enforcement = Enforcement::kShadow;
  Enforcement enforcement_limit = Enforcement::kEnforce;
  std::string profile;
  bool ready = true;
  std::uint64_t services = 0;
  std::uint64_t workers = 0;
  std::uint64_t tasks = 0;
  std::uint64_t tasks_above_monitor = 0;
  std::uint64_t in_flight_over_budget = 0;
  std::uint64_t demoted_threads = 0;
  std::uint64_t spare_workers_awake = 0;
  std::uint64_t samples = 0;          // total
  std::uint64_t dropped_samples = 0;  // total
};

// One attached process.
struct ServiceReading {
  std::string service;
  std::uint32_t pid = 0;
  std::uint64_t workers = 0;
  std::uint64_t spare_workers_awake = 0;
  std::uint64_t tasks = 0;
  std::uint64_t tasks_above_monitor = 0;
  std::uint64_t in_flight_over_budget = 0;
  Duration longest_in_flight{};
  std::uint64_t demoted_threads = 0;
  std::uint64_t dropped_samples = 0;  // total
  bool quarantined = false;
};

// Totals since the daemon started: done to a class, or what would have been.
struct Treatment {
  std::uint64_t yields = 0;
  std::uint64_t isolated_polls = 0;
  std::uint64_t demotions = 0;
};

// One class of one service name. Counts are totals since the daemon started.
struct ClassReading {
  std::string service;
  std::string task_class;  // empty: tasks without a class
  Enforcement enforcement = Enforcement::kShadow;
  Tier tier = Tier::kMonitor;
  bool pinned = false;
  std::uint64_t polls = 0;
  Duration cpu_time{};
  std::uint64_t violations = 0;
  Treatment done;
  Treatment would_be;
  Duration would_be_cpu{};
  std::uint64_t tasks_by_tier[kTierCount] = {};
  Duration poll_p50{};
  Duration poll_p99{};
  Duration queue_wait_p99{};
};

struct PollReading {
  std::string task_class;
  Duration age{};
  Duration cpu{};
  Blame blame = Blame::kUnknown;
  Tier tier = Tier::kMonitor;
  bool over_budget = false;
  bool demoted = false;
};

struct WorkerReading {
  std::string service;
  std::uint32_t pid = 0;
  std::uint32_t line = 0;  // unique in the process
  std::string thread_name;
  std::uint32_t thread_id = 0;
  WorkerKind kind = WorkerKind::kOrdinary;
  bool awake = true;
  std::optional<PollReading> in_flight;
  std::uint64_t dropped_samples = 0;  // total
};

struct Reading {
  SteadyTime at;  // when it arrived here
  StatusReading status;
  std::vector<ServiceReading> services;
  std::vector<ClassReading> classes;
  std::vector<WorkerReading> workers;
};

}  // namespace pulsed::ctl::top
