// What one run of the load generator found out.
//
// A latency counts from the moment the request was *meant* to be sent. Were it counted from when it
// was sent, a service that stalls would also stall the questions about how long it takes
// (coordinated omission).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "deploy/demo/load/statistics.h"

namespace pulsed::demo::load {

using Clock = std::chrono::steady_clock;

// The part of the run that is measured: what was meant to be sent, for heavy requests what was
// finished, inside it.
struct Window {
  Clock::time_point begin;
  Clock::time_point end;
  [[nodiscard]] bool contains(Clock::time_point t) const { return t >= begin && t < end; }
};

enum class Light : std::uint8_t { kLookup, kPrice };
inline constexpr std::size_t kLightKinds = 2;

class Measurement {
 public:
  explicit Measurement(Window window) : window_(window) {}

  void light_sent(Clock::time_point intended, Clock::time_point sent);
  void light_waited() { ++waits; }  // no connection was free when it was due
  void light_done(Light kind, Clock::time_point intended, Clock::time_point done);
  void heavy_done(Clock::time_point sent, Clock::time_point done);
  void failed(const std::string& why);

  [[nodiscard]] const Window& window() const { return window_; }
  [[nodiscard]] Summary light(Light kind) const { return summarise(light_latencies_[of(kind)]); }
  [[nodiscard]] Summary lateness() const { return summarise(lateness_); }
  [[nodiscard]] Summary heavy() const { return summarise(heavy_latencies_); }
  [[nodiscard]] double heavy_per_second() const;
  [[nodiscard]] std::uint64_t light_total(Light kind) const { return light_totals_[of(kind)]; }

  // Over the whole run, warm-up and the time after the window included, as light_total(): what the
  // service has served.
  std::uint64_t heavy_total = 0;
  std::uint64_t waits = 0;
  std::uint64_t errors = 0;
  std::string first_error;

 private:
  static constexpr std::size_t of(Light kind) { return static_cast<std::size_t>(kind); }

  Window window_;
  std::array<std::uint64_t, kLightKinds> light_totals_{};
  std::array<std::vector<Duration>, kLightKinds> light_latencies_;
  std::vector<Duration> lateness_;
  std::vector<Duration> heavy_latencies_;
};

}  // namespace pulsed::demo::load
