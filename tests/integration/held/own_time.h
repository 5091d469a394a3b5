// The clocks of the service's own measurements, and CPU time to be burned by them.
#pragma once

#include <time.h>

#include <chrono>

namespace pulsed::test {

using std::chrono::microseconds;
using std::chrono::steady_clock;

[[nodiscard]] inline microseconds thread_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::duration_cast<microseconds>(std::chrono::seconds{t.tv_sec} +
                                                  std::chrono::nanoseconds{t.tv_nsec});
}

inline void spin() {
  for (int i = 0; i < 2000; ++i) asm volatile("");
}

// Uses so much CPU time of the calling thread.
inline void burn(microseconds cpu) {
  const microseconds end = thread_cpu() + cpu;
  while (thread_cpu() < end) spin();
}

}  // namespace pulsed::test
