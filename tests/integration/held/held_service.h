// The service whose polls hold their workers, as a test drives it. See tests/integration/held/service.cpp for its commands.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace pulsed::test {

struct HeldServiceOptions {
  unsigned workers = 2;
  unsigned isolation_workers = 0;
  std::string priority = "ordinary";  // of its workers' threads: or nice15, or fifo
  std::optional<uid_t> user{};
};

class HeldService {
 public:
  // Starts it; it attaches when it can.
  explicit HeldService(const std::string& run_dir, const HeldServiceOptions& options = {});

  [[nodiscard]] Process& process() { return process_; }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] bool wait_attached() {
    return wait_until([this] { return counters().at("attached").get<bool>(); });
  }

  void light(unsigned a_second, bool with_lock = false);
  void endless(const std::string& cls, unsigned count = 1);
  void endless_anywhere(const std::string& cls, unsigned count);
  void isolated(const std::string& cls, unsigned count = 1);
  void burn_chains(const std::string& cls, unsigned count, long least_us, long most_us);
  void io_chains(const std::string& cls, unsigned count, long least_us, long most_us);
  void end() { tell("end"); }
  // How long it was held at most, in milliseconds.
  double hold_lock(const std::string& cls, int rounds, long burn_us, milliseconds deadline);
  [[nodiscard]] nlohmann::json scripted(const std::string& cls, const std::string& script);
  void busy(unsigned threads) { tell("busy " + std::to_string(threads)); }
  void write_nonsense() { tell("nonsense"); }
  void close_session() { tell("close"); }

  [[nodiscard]] nlohmann::json counters() { return tell("counters"); }
  [[nodiscard]] std::uint64_t count(const std::string& counter) {
    return counters().at(counter).get<std::uint64_t>();
  }
  // Of each light poll since light() began: from the moment it was due to its end.
  [[nodiscard]] std::vector<double> late_ms();
  // Light polls that ran on a thread whose priority was not its own: must never be.
  [[nodiscard]] std::uint64_t light_lowered() { return count("light_lowered"); }

 private:
  nlohmann::json tell(const std::string& command, milliseconds deadline = milliseconds{20'000});

  Process process_;
};

}  // namespace pulsed::test
