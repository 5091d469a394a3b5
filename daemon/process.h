// What the daemon's process sets up for itself: its log and its descriptors.
#pragma once

#include "daemon/config/config.h"

namespace pulsed {

// Logs to stdout from a thread of its own, so that the control loop never waits for whoever reads it: a full queue drops its
// oldest lines. Call spdlog::shutdown() before the process ends.
void log_from_a_thread_of_its_own();
void set_log_level(config::LogLevel level);

// Services, their processes and the clocks of their threads are a descriptor each.
void raise_descriptor_limit();

}  // namespace pulsed
