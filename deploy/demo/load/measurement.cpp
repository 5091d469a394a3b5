#include "deploy/demo/load/measurement.h"

namespace pulsed::demo::load {

void Measurement::light_sent(Clock::time_point intended, Clock::time_point sent) {
  if (window_.contains(intended)) lateness_.push_back(sent - intended);
}

void Measurement::light_done(Light kind, Clock::time_point intended, Clock::time_point done) {
  ++light_totals_[of(kind)];
  if (window_.contains(intended)) light_latencies_[of(kind)].push_back(done - intended);
}

void Measurement::heavy_done(Clock::time_point sent, Clock::time_point done) {
  ++heavy_total;
  if (window_.contains(done)) heavy_latencies_.push_back(done - sent);
}

void Measurement::failed(const std::string& why) {
  if (errors++ == 0) first_error = why;
}

double Measurement::heavy_per_second() const {
  const std::chrono::duration<double> seconds = window_.end - window_.begin;
  return static_cast<double>(heavy_latencies_.size()) / seconds.count();
}

}  // namespace pulsed::demo::load
