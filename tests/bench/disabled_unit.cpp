// The per-poll calls compiled out: this unit alone defines it, and uses the C functions alone.
#define PULSED_DISABLED
#include <pulsed/shim.h>

#include "tests/bench/interleaved.h"
#include "tests/bench/suites.h"

namespace pulsed::bench {

void disabled_polls(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    pulsed_poll_begin({i});
    if (pulsed_should_yield() != 0) return;
    pulsed_poll_next({i});
    pulsed_poll_end();
    keep();
  }
}

void disabled_baseline(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) keep();
}

}  // namespace pulsed::bench
