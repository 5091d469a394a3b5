// The calls compiled out, as a service sees them that is built with PULSED_DISABLED.
#define PULSED_DISABLED
#include <cstdlib>

#include "tests/bench/instructions/calls.h"
#include "tests/bench/instructions/compiler.h"
#include "tests/bench/interleaved.h"

namespace pulsed::bench {
namespace {

void empty(std::uint64_t n, pulsed_task /*task*/) {
  for (std::uint64_t i = 0; i < n; ++i) keep();
}
void every_call(std::uint64_t n, pulsed_task task) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) {
    pulsed_poll_begin(task);
    pulsed_queue_wait(task, 1);
    pulsed_queue_wait_since(task, 1);
    if (pulsed_should_yield() != 0) std::abort();
    pulsed_poll_next(task);
    pulsed_poll_end();
  }
}

constexpr CountedCall kCalls[] = {
    {"PULSED_DISABLED: all of a poll's calls", false, 0, every_call, empty},
};

}  // namespace

CountedUnit PULSED_COUNTED_UNIT() { return {kCompiler, kCalls}; }

}  // namespace pulsed::bench
