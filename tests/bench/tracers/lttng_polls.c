#include "tests/bench/tracers/lttng_polls.h"

#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "tests/bench/tracers/lttng_provider.h"

// The poll itself: nothing, which the compiler may not drop.
static void empty_poll(void) { __asm__ __volatile__("" ::: "memory"); }

static int recorded(void) {
  return lttng_ust_tracepoint_enabled(pulsed_bench, begin) &&
         lttng_ust_tracepoint_enabled(pulsed_bench, end);
}

static void one_event(const uint64_t* tasks, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    lttng_ust_tracepoint(pulsed_bench, begin, tasks[i]);
    empty_poll();
  }
}

static void two_events(const uint64_t* tasks, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    lttng_ust_tracepoint(pulsed_bench, begin, tasks[i]);
    empty_poll();
    lttng_ust_tracepoint(pulsed_bench, end, tasks[i]);
  }
}

static void idle_event(const uint64_t* tasks, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    lttng_ust_tracepoint(pulsed_bench, idle, tasks[i]);
    empty_poll();
  }
}

const struct traced_polls lttng_polls = {recorded, one_event, two_events, idle_event};
