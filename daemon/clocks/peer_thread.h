// Threads of a service, found and confirmed by the kernel: a thread id in shared memory is only a claim.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace pulsed::clocks {

// A thread that the kernel says belongs to `pid`.
struct PeerThread {
  pid_t pid;
  pid_t tid;                 // in the daemon's pid namespace
  std::uint64_t start_time;  // in clock ticks since boot: tells a reused number apart
};

// Finds the thread of process `pid` that calls itself `claimed` in its own pid namespace. A few reads of /proc, tens of
// microseconds. Only where that namespace is below the daemon's, as in a container, may it have to go through the threads
// of the process, at most 4096 of them: some 20 us each, 10 ms for 500. A false claim costs that every time it is looked for.
[[nodiscard]] std::optional<PeerThread> find_thread(pid_t pid, std::uint32_t claimed);

// What the scheduler says it is doing: 'R' running or runnable, 'S' sleeping, 'D' in uninterruptible sleep, ...
// Nothing if it has gone, or its number now belongs to another thread.
[[nodiscard]] std::optional<char> scheduler_state(const PeerThread& thread);

// Where in the kernel it sleeps ("futex_wait_queue", "do_sys_poll"). Nothing if it does not, or that may not be read.
[[nodiscard]] std::optional<std::string> wait_channel(const PeerThread& thread);

}  // namespace pulsed::clocks
