// Empty polls under LTTng-UST. In a library of their own, which is loaded only when they are measured: liblttng-ust
// starts threads in every process that loads it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct traced_polls {
  // Does a session record the events pulsed_bench:begin and pulsed_bench:end?
  int (*recorded)(void);
  // A poll of each task, with one tracepoint, at its begin.
  void (*one_event)(const uint64_t* tasks, size_t count);
  // With two, at begin and end.
  void (*two_events)(const uint64_t* tasks, size_t count);
  // With one that no session enables.
  void (*idle_event)(const uint64_t* tasks, size_t count);
};

// What the library exports.
extern __attribute__((visibility("default"))) const struct traced_polls lttng_polls;

#ifdef __cplusplus
}
#endif
