// The integration tests' service as a test drives it. See tests/integration/service_program.cpp for its commands.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace pulsed::test {

struct ServiceOptions {
  std::string name = "shop";
  unsigned workers = 2;
  unsigned isolation_workers = 0;
  std::optional<uid_t> user{};
};

class ServiceProgram {
 public:
  // Starts it; it attaches when it can.
  explicit ServiceProgram(const std::string& run_dir, const ServiceOptions& options = {});

  [[nodiscard]] Process& process() { return process_; }
  // Polls that began before it attached are seen by no daemon.
  [[nodiscard]] bool wait_attached() {
    return wait_until([this] { return attached(); });
  }

  // Worker `worker` polls a new task of the class over and over: each poll burns CPU time, and `manners` says what it
  // does at its checkpoints: obey, ignore, or blind.
  void work(unsigned worker, const std::string& cls, std::uint64_t burn_us, std::uint64_t gap_us,
            const std::string& manners = "obey");
  // One poll that ends only when the worker gets something else to do.
  void endless(unsigned worker, const std::string& cls, const std::string& manners) {
    work(worker, cls, std::uint64_t{3'600'000'000}, 0, manners);
  }
  void idle() { tell("idle"); }
  void fork_from_workers(unsigned each) { tell("fork " + std::to_string(each)); }
  [[nodiscard]] pid_t fork_holder() { return tell("hold").at("child").get<pid_t>(); }
  // How many of so many sessions attached.
  [[nodiscard]] int churn(int sessions);

  [[nodiscard]] nlohmann::json counters() { return tell("counters"); }
  [[nodiscard]] bool attached() { return counters().at("attached").get<bool>(); }
  [[nodiscard]] std::uint64_t polls(const std::string& cls);
  [[nodiscard]] std::uint64_t polls();
  [[nodiscard]] std::uint64_t yields() { return counters().at("yields").get<std::uint64_t>(); }
  [[nodiscard]] std::uint32_t directive(unsigned worker);
  [[nodiscard]] bool asked_now(unsigned worker);
  [[nodiscard]] std::uint64_t longest_stall_us();
  [[nodiscard]] std::vector<std::string> log();

 private:
  nlohmann::json tell(const std::string& command, milliseconds deadline = milliseconds{20'000});

  Process process_;
};

}  // namespace pulsed::test
