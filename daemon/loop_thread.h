// What the control loop asks of the OS: to wake on time, ahead of the hogs it looks for.
#pragma once

#include <string>

#include "daemon/policy/types.h"

namespace pulsed {

// The monotonic clock.
[[nodiscard]] policy::Time monotonic_now();

// What the calling thread has burned.
[[nodiscard]] policy::Duration thread_cpu();

// Sleeps until then; returns at once if it has passed.
void sleep_until(policy::Time until);

// Raises the calling thread: SCHED_FIFO at its lowest priority, else nice -20. False, with the reason and what would
// help, if neither is allowed.
[[nodiscard]] bool raise_priority(std::string& why_not);

}  // namespace pulsed
