// A pulsed of the test's own, which fails the test if it does not end as it should.
#pragma once

#include "tests/support/own_daemon.h"

namespace pulsed::test {

// As kYieldPolicy, up to the isolation pool.
inline constexpr const char* kIsolatePolicy = R"(enforcement: enforce
defaults:
  promotion_threshold: {monitor: 1, warn: 1, yield: 1}
  promotion_hysteresis: 0s
  demotion_min_stay: {monitor: 1h, warn: 1h, yield: 1h, isolate: 1h}
)";
// Nothing moves a task but a poll in flight of 50 ms, which isolates it.
inline constexpr const char* kEmergencyPolicy = R"(enforcement: enforce
defaults:
  promotion_threshold: {monitor: 1000, warn: 1000, yield: 1000}
  promotion_cpu: {monitor: 1h, warn: 1h, yield: 1h}
  slow_poll: 1h
  emergency_poll: 50ms
)";

class DaemonProcess : public OwnDaemon {
 public:
  explicit DaemonProcess(DaemonOptions options = {})
      : OwnDaemon(PULSED_BIN_DIR, std::move(options)) {}
  // Ends it by SIGTERM, and checks that it went well: a daemon that broke down is a failure of any test.
  ~DaemonProcess();
};

}  // namespace pulsed::test
