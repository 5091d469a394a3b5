// What the load generator does to, and knows of, its own process, so that it does not measure itself.
#pragma once

#include <chrono>

namespace pulsed::demo::load {

// Takes nice -20 and the finest timers where allowed. Returns the nice value that holds.
int take_highest_priority();

// CPU time of the whole process so far.
[[nodiscard]] std::chrono::microseconds cpu_time_used();

}  // namespace pulsed::demo::load
