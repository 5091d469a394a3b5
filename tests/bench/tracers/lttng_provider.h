// The tracepoints of pulsed-bench, as LTTng-UST wants them: it reads this file several times.
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER pulsed_bench
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "tests/bench/tracers/lttng_provider.h"

#if !defined(PULSED_BENCH_LTTNG_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define PULSED_BENCH_LTTNG_PROVIDER_H

#include <lttng/tracepoint.h>
#include <stdint.h>

// clang-format off
LTTNG_UST_TRACEPOINT_EVENT_CLASS(pulsed_bench, poll,
  LTTNG_UST_TP_ARGS(uint64_t, task),
  LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, task, task)))

LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(pulsed_bench, poll, pulsed_bench, begin, LTTNG_UST_TP_ARGS(uint64_t, task))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(pulsed_bench, poll, pulsed_bench, end, LTTNG_UST_TP_ARGS(uint64_t, task))
// No session enables it.
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(pulsed_bench, poll, pulsed_bench, idle, LTTNG_UST_TP_ARGS(uint64_t, task))
// clang-format on

#endif

#include <lttng/tracepoint-event.h>
