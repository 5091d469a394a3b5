// What the daemon's process sets up for itself: its log, its descriptors, its guardian.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "daemon/act/demoter.h"
#include "daemon/config/config.h"

namespace pulsed {

// Logs to stdout from a thread of its own, so that the control loop never waits for whoever reads it: a full queue drops its
// oldest lines. Call spdlog::shutdown() before the process ends.
void log_from_a_thread_of_its_own();
void set_log_level(config::LogLevel level);
// Where lines go that are a record: they are written whatever the level. After log_from_a_thread_of_its_own.
[[nodiscard]] std::function<void(const std::string&)> record_of(const std::string& what);
// So far. Thread-safe, until spdlog::shutdown().
[[nodiscard]] std::uint64_t log_lines_dropped();

// What it takes to lower threads of services, where that is allowed: a ledger in the run directory, which the caller holds,
// and a guardian. First puts back what a daemon before this one left behind.
class Demotion {
 public:
  // While the process has one thread. What cannot be had is said later, and nothing is demoted.
  explicit Demotion(const std::string& run_dir);
  [[nodiscard]] act::Demoter demoter();
  // Logs what was left behind, or what is missing.
  void say() const;

 private:
  std::optional<act::DemotionLedger> ledger_;
  std::optional<act::Guardian> guardian_;
  act::DemotionLedger::Restored left_behind_{};
  std::string why_not_;
};

// Services, their processes and the clocks of their threads are a descriptor each.
void raise_descriptor_limit();

}  // namespace pulsed
