// The clock of the inline path: decided once, when the library is loaded.
#include <pulsed/shim.h>

#include <time.h>

#include "shared_memory/tick_clock.h"

extern "C" {

uint32_t pulsed_clock_is_tsc = 0;

uint64_t pulsed_now_portable(void) {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(t.tv_nsec);
}

}  // extern "C"

namespace {
// Earlier than any constructor of a service's own, so that no reading mixes two clocks.
__attribute__((constructor(101))) void decide_clock() {
  pulsed_clock_is_tsc = pulsed::shm::clock_kind() == PULSED_CLOCK_TSC ? 1 : 0;
}
}  // namespace
