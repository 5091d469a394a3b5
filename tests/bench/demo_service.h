// pulsed-demo under test: the process, and the light requests that it is measured with.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace pulsed::bench {

class DemoService {
 public:
  // `program` is beside pulsed-bench; `arguments` beside port and threads. Returns once it listens. Throws
  // std::runtime_error if it does not.
  DemoService(const std::string& program, unsigned threads, std::vector<std::string> arguments,
              const std::string& log);
  // Ends it by SIGTERM; by SIGKILL if that takes too long.
  ~DemoService();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] test::Process& process() { return process_; }

 private:
  test::Process process_;
  std::uint16_t port_ = 0;
};

// What came of one load, which lasts for a short while before it is measured, so that connections and caches are warm.
struct Served {
  double per_second = 0;  // answered
  std::chrono::nanoseconds p99{};
  std::uint64_t requests = 0;  // answered, before and after the measured part too
};

// One thread, on the `cpu`th CPU as Pinned counts them, or on any.
struct Load {
  std::uint16_t port;
  std::chrono::nanoseconds duration;
  std::optional<unsigned> cpu;
  // It never sleeps: else the service pays for waking it, once an answer or once for many, as whatever else runs on that CPU
  // has it. One that sleeps has the highest priority it may have.
  bool spins = false;
};

// Closed loops, more than there are workers: as many requests as it can serve. Throws std::runtime_error where one fails.
[[nodiscard]] Served saturate(const Load& load);
// An open loop at random moments, timed from when each request was meant to be sent. Equal seeds give equal moments.
// Throws as saturate().
[[nodiscard]] Served serve_at(double per_second, std::uint64_t seed, const Load& load);

}  // namespace pulsed::bench
