// What MonitorService answered, as a reading.
#pragma once

#include "daemon/ctl/top/reading.h"
#include "pulsed/v1/monitor.pb.h"

namespace pulsed::ctl::top {

struct Answers {
  v1::Status status;
  v1::ListServicesResponse services;
  v1::ListClassesResponse classes;
  v1::ListWorkersResponse workers;
};

[[nodiscard]] Reading reading_of(const Answers& answers, SteadyTime at);

}  // namespace pulsed::ctl::top
