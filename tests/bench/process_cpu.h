// The CPU time that a process took, by the kernel's account.
#pragma once

#include <sys/types.h>

#include <chrono>

namespace pulsed::bench {

// Of all its threads that live, and of those of its children. Exact where a thread is not running at the moment. Throws
// std::runtime_error if there is no such process.
[[nodiscard]] std::chrono::nanoseconds cpu_time_of(pid_t pid);

}  // namespace pulsed::bench
