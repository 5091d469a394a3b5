// What a thread of the service is to the system: its signal mask, where and how it is scheduled, and its stack. Spare workers
// take it over from a thread that serves their run loop, as handlers run there that expect it.
#pragma once

#include <signal.h>

#include <array>
#include <cstddef>

namespace pulsed::shim {

struct ThreadEnvironment {
  sigset_t signals;                     // blocked
  std::array<unsigned long, 128> cpus;  // a set of so many bits, of which
  std::size_t cpu_bytes;                // the kernel gave these; 0: unknown
  int policy;                           // SCHED_*
  int static_priority;                  // of a real-time policy
  int nice;
  std::size_t stack_bytes;  // 0: unknown
};

// Some 10 us; of the main thread more, as its stack is looked up in /proc.
[[nodiscard]] ThreadEnvironment environment_of_this_thread();

// Gives the calling thread these CPUs, policy and nice value, as far as the system allows.
void schedule_like(const ThreadEnvironment& environment);

}  // namespace pulsed::shim
