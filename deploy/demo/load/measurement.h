// What one run of the load generator found out.
//
// A latency counts from the moment the request was *meant* to be sent. Were it counted from when it
// was sent, a service that stalls would also stall the questions about how long it takes
// (coordinated omission).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "deploy/demo/load/statistics.h"

namespace pulsed::demo::load {

using Clock = std::chrono::steady_clock;

// The part of the run that is measured: what was meant to be sent, for /report what was finished,
// inside it.
struct Window {
  Clock::time_point begin;
  Clock::time_point end;
  [[nodiscard]] bool contains(Clock::time_point t) const { return t >= begin && t < end; }
};

class Measurement {
 public:
  explicit Measurement(Window window) : window_(window) {}

  void lookup_sent(Clock::time_point intended, Clock::time_point sent);
  void lookup_waited() { ++waits; }  // no connection was free when it was due
  void lookup_done(Clock::time_point intended, Clock::time_point done);
  void report_done(Clock::time_point sent, Clock::time_point done);
  void failed(const std::string& why);

  [[nodiscard]] const Window& window() const { return window_; }
  [[nodiscard]] Summary lookups() const { return summarise(lookup_latencies_); }
  [[nodiscard]] Summary lateness() const { return summarise(lateness_); }
  [[nodiscard]] Summary reports() const { return summarise(report_latencies_); }
  [[nodiscard]] double reports_per_second() const;

  // Over the whole run, warm-up and the time after the window included: what the service has
  // served.
  std::uint64_t lookups_total = 0;
  std::uint64_t reports_total = 0;
  std::uint64_t waits = 0;
  std::uint64_t errors = 0;
  std::string first_error;

 private:
  Window window_;
  std::vector<Duration> lookup_latencies_;
  std::vector<Duration> lateness_;
  std::vector<Duration> report_latencies_;
};

}  // namespace pulsed::demo::load
