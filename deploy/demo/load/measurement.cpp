#include "deploy/demo/load/measurement.h"

namespace pulsed::demo::load {

void Measurement::lookup_sent(Clock::time_point intended, Clock::time_point sent) {
  if (window_.contains(intended)) lateness_.push_back(sent - intended);
}

void Measurement::lookup_done(Clock::time_point intended, Clock::time_point done) {
  ++lookups_total;
  if (window_.contains(intended)) lookup_latencies_.push_back(done - intended);
}

void Measurement::report_done(Clock::time_point sent, Clock::time_point done) {
  ++reports_total;
  if (window_.contains(done)) report_latencies_.push_back(done - sent);
}

void Measurement::failed(const std::string& why) {
  if (errors++ == 0) first_error = why;
}

double Measurement::reports_per_second() const {
  const std::chrono::duration<double> seconds = window_.end - window_.begin;
  return static_cast<double>(report_latencies_.size()) / seconds.count();
}

}  // namespace pulsed::demo::load
