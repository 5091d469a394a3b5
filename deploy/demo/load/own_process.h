// What the load generator does to, and knows of, its own process, so that it does not measure
// itself.
#pragma once

#include <chrono>
#include <string>

namespace pulsed::demo::load {

inline constexpr const char* kRealtime = "SCHED_FIFO";

// Takes the highest priority it may, and the finest timers. SCHED_FIFO first: where the kernel
// groups processes by session (autogroup) or control group, a nice value counts only inside the
// group, and the service is in another. Returns what holds: kRealtime, or "nice N".
std::string take_highest_priority();

// CPU time of the whole process so far.
[[nodiscard]] std::chrono::microseconds cpu_time_used();

}  // namespace pulsed::demo::load
