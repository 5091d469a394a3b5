#include "tests/bench/instructions/calls.h"

#include <cstdlib>

#include "tests/bench/instructions/compiler.h"
#include "tests/bench/interleaved.h"

namespace pulsed::bench {
namespace {

// One instruction each, so that a loop of one call alone can go on: of begins that no end follows, and of ends of a
// poll that has ended already. Their loops without the call have them too.
inline void forget_poll(pulsed_hot* hot) { asm volatile("movq $0, %0" : "=m"(hot->current)); }
inline void revive_poll(pulsed_hot* hot, std::uint64_t ref) {
  asm volatile("movq %1, %0" : "=m"(hot->current) : "r"(ref));
}

void empty(std::uint64_t n, pulsed_task /*task*/) {
  for (std::uint64_t i = 0; i < n; ++i) keep();
}

void begin(std::uint64_t n, pulsed_task task) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) pulsed_poll_begin(task);
}
void end(std::uint64_t n, pulsed_task /*task*/) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) pulsed_poll_end();
}
void begin_and_end(std::uint64_t n, pulsed_task task) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) {
    pulsed_poll_begin(task);
    keep();
    pulsed_poll_end();
  }
}
void next(std::uint64_t n, pulsed_task task) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) pulsed_poll_next(task);
}
void queue_wait(std::uint64_t n, pulsed_task task) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) pulsed_queue_wait(task, 1);
}
void queue_wait_since(std::uint64_t n, pulsed_task task) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) pulsed_queue_wait_since(task, 1);
}
void should_yield(std::uint64_t n, pulsed_task /*task*/) {
  for (std::uint64_t i = 0; i < n; ++i, keep()) {
    if (pulsed_should_yield() != 0) std::abort();  // nobody asks in here
  }
}

void begin_alone(std::uint64_t n, pulsed_task task) {
  pulsed_hot* hot = pulsed_tls_hot;
  for (std::uint64_t i = 0; i < n; ++i, keep()) {
    pulsed_poll_begin(task);
    forget_poll(hot);
  }
}
void forget_alone(std::uint64_t n, pulsed_task /*task*/) {
  pulsed_hot* hot = pulsed_tls_hot;
  for (std::uint64_t i = 0; i < n; ++i, keep()) forget_poll(hot);
}
void end_alone(std::uint64_t n, pulsed_task task) {
  pulsed_hot* hot = pulsed_tls_hot;
  pulsed_poll_begin(task);
  const std::uint64_t ref = hot->current;
  for (std::uint64_t i = 0; i < n; ++i, keep()) {
    revive_poll(hot, ref);
    pulsed_poll_end();
  }
}
void revive_alone(std::uint64_t n, pulsed_task task) {
  pulsed_hot* hot = pulsed_tls_hot;
  pulsed_poll_begin(task);
  const std::uint64_t ref = hot->current;
  for (std::uint64_t i = 0; i < n; ++i, keep()) revive_poll(hot, ref);
  pulsed_poll_end();
}

template <void (*kLoop)(std::uint64_t, pulsed_task)>
void in_poll(std::uint64_t n, pulsed_task task) {
  pulsed_poll_begin(task);
  kLoop(n, task);
  pulsed_poll_end();
}

constexpr CountedCall kCalls[] = {
    {"poll begin", true, {}, begin_alone, forget_alone},
    {"poll end", true, {}, end_alone, revive_alone},
    {"poll begin + end", true, {}, begin_and_end, empty},
    {"poll next", true, {}, in_poll<next>, empty},
    {"queue wait", true, {}, in_poll<queue_wait>, empty},
    {"queue wait since", true, {}, in_poll<queue_wait_since>, empty},
    {"should_yield, nothing asked", true, 4, in_poll<should_yield>, empty},
    {"detached: poll begin", false, 2, begin, empty},
    {"detached: poll end", false, 2, end, empty},
    {"detached: poll next", false, 2, next, empty},
    {"detached: queue wait", false, 2, queue_wait, empty},
    {"detached: queue wait since", false, 2, queue_wait_since, empty},
    {"detached: should_yield", false, 4, should_yield, empty},
};

}  // namespace

CountedUnit PULSED_COUNTED_UNIT() { return {kCompiler, kCalls}; }

}  // namespace pulsed::bench
