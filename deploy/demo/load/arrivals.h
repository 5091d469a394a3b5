// When requests are to be sent, decided without looking at the service: the schedule of an open
// loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace pulsed::demo::load {

enum class Spacing : std::uint8_t {
  kPoisson,  // as of many users who know nothing of each other: exponential gaps
  kFixed,    // equal gaps
};

// Times since the start of the run, ascending. Equal seeds give equal schedules.
class Arrivals {
 public:
  Arrivals(Spacing spacing, double per_second, std::uint64_t seed);

  [[nodiscard]] std::chrono::nanoseconds next() const { return next_; }
  void advance();

 private:
  Spacing spacing_;
  std::chrono::duration<double, std::nano> mean_gap_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_{1.0};
  std::chrono::duration<double, std::nano> exact_{};  // rounding once, not once a gap
  std::chrono::nanoseconds next_{};
};

}  // namespace pulsed::demo::load
