// Two readings, made into what the tables show: rates per second, processes of a name added up, and which worker polls what.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/top/reading.h"

namespace pulsed::ctl::top {

// Unknown after the first reading, after a restart of the daemon, and of what is new.
using Rate = std::optional<double>;

// The oldest poll in flight of a class or a service.
struct Oldest {
  Duration age{};
  Blame blame = Blame::kUnknown;
  bool over_budget = false;
};

// What polls cost, each second.
struct Load {
  Rate cpu;  // of one CPU: 1 is all of it
  Rate polls;
  Rate violations;
};

struct ServiceRow {
  std::string service;
  std::uint64_t processes = 0;
  std::uint32_t pid = 0;  // of the first of them
  std::uint64_t workers = 0;
  std::uint64_t spare_workers_awake = 0;
  std::uint64_t tasks = 0;
  std::uint64_t tasks_above_monitor = 0;
  std::uint64_t in_flight_over_budget = 0;
  std::uint64_t demoted_threads = 0;
  std::uint64_t dropped_samples = 0;
  bool quarantined = false;  // at least one process
  Load load;
  Duration poll_p99{};  // of its slowest class
  std::optional<Oldest> oldest;
};

// Each second.
struct TreatmentRates {
  Rate yields;
  Rate isolated_polls;
  Rate demotions;
};

struct ClassRow {
  ClassReading reading;
  Load load;
  TreatmentRates done;
  TreatmentRates would_be;
  Rate would_be_cpu;  // of one CPU
  std::optional<Oldest> oldest;
  std::uint64_t in_flight = 0;
};

struct Rows {
  std::vector<ServiceRow> services;
  std::vector<ClassRow> classes;
  std::vector<WorkerReading> workers;
  Rate samples;
  Rate dropped_samples;
};

// `before` is null for the first reading. Rows come in no particular order.
[[nodiscard]] Rows rows_of(const Reading& now, const Reading* before);

// The daemon of `now` is not the one of `before`, so totals began anew.
[[nodiscard]] bool restarted(const Reading& now, const Reading& before);

}  // namespace pulsed::ctl::top
