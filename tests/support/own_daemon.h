// A pulsed of the caller's own: a run directory, a configuration and a policy in a temporary directory, /metrics on a free
// port, its log in a file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/metrics_reader.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {

// A policy under which one poll over 1 ms makes a task yield, and nothing more.
inline constexpr const char* kYieldPolicy = R"(enforcement: enforce
defaults:
  promotion_threshold: {monitor: 1, warn: 1, yield: 1}
  promotion_hysteresis: 0s
  demotion_min_stay: {monitor: 1h, warn: 1h, yield: 1h, isolate: 1h}
  emergency_poll: 1h
  max_tier: yield
  demote_to: none
)";

struct DaemonOptions {
  std::string policy = kYieldPolicy;
  std::string config = "log_level: info\n";
  std::vector<std::pair<std::string, std::string>> environment{};
  std::optional<uid_t> user{};
  std::optional<rlim_t> descriptors{};
  bool own_group = false;
};

class OwnDaemon {
 public:
  // Starts `pulsed` of that directory, and returns once services can attach. Throws std::runtime_error, with its log, if
  // that does not happen.
  explicit OwnDaemon(std::string bin_dir, DaemonOptions options = {});
  ~OwnDaemon();  // ends it, if it was not killed
  OwnDaemon(const OwnDaemon&) = delete;
  OwnDaemon& operator=(const OwnDaemon&) = delete;

  [[nodiscard]] const std::string& run_dir() const { return run_dir_; }
  [[nodiscard]] std::string state_dir() const { return dir_.path() + "/state"; }
  [[nodiscard]] std::string socket_path() const { return run_dir_ + "/attach.sock"; }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] std::string log() const { return process_->output(); }

  // Anew in the same directories, after the last one has ended.
  void start();
  // Ends it by SIGTERM. Nothing if it did not end.
  std::optional<Ended> stop();
  // A further pulsed in the same run directory, which is expected to be refused.
  [[nodiscard]] std::unique_ptr<Process> start_second() const;

  // Takes effect with SIGHUP.
  void write_policy(const std::string& text) const;
  [[nodiscard]] std::string policy_path() const { return dir_.path() + "/policy.yaml"; }

  // Throws std::runtime_error if the daemon does not answer.
  [[nodiscard]] Metrics metrics() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::optional<HttpReply> get(const std::string& target) const;
  [[nodiscard]] double sum(std::string_view name, const Metrics::Labels& labels = {}) const {
    return metrics().sum(name, labels);
  }

 private:
  [[nodiscard]] Command command(const std::string& http, const std::string& log) const;
  bool find_port();

  TempDir dir_;
  std::string bin_dir_;
  DaemonOptions options_;
  std::string run_dir_;
  int starts_ = 0;
  std::unique_ptr<Process> process_;
  std::uint16_t port_ = 0;
};

}  // namespace pulsed::test
