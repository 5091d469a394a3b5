// What is measured. Each suite makes what it needs, appends what it found, and leaves nothing behind; it throws
// std::exception where it could not measure. Cases that need what is not on the machine are named in Results::absent.
#pragma once

#include <cstdint>

#include "tests/bench/figure.h"

namespace pulsed::bench {

struct Effort {
  bool quick;
  int turns;  // of each loop
  std::uint32_t cold_tasks;
};

// What the inline calls and a sample in the daemon execute, exactly.
void instructions_suite(const Effort& effort, Results& results);
// The per-poll path of an attached worker: polls apart and in a row, hot and cold, with its ring drained, full, and
// beside a daemon process that observes.
void poll_suite(const Effort& effort, Results& results);
// The same on several workers at once.
void scaling_suite(const Effort& effort, Results& results);
// should_yield, opening and closing tasks, and the cost of calls that do nothing: detached, and compiled out.
void call_suite(const Effort& effort, Results& results);
// A handler posted and run through the Asio adapter, and on bare Asio.
void adapter_suite(const Effort& effort, Results& results);
// One daemon core: from the rings through the collector into the policy.
void collect_suite(const Effort& effort, Results& results);
// A tick of the control loop, beside workers at rest.
void tick_suite(const Effort& effort, Results& results);
// A daemon process beside a service with many live tasks: what they take of memory.
void memory_suite(const Effort& effort, Results& results);
// A daemon process beside services whose workers do nothing: the CPU time it takes.
void rest_suite(const Effort& effort, Results& results);
// A daemon process beside services that poll: how soon a poll over its budget, a directive and a policy are answered.
void delay_suite(const Effort& effort, Results& results);
// A daemon process that is scraped, with many classes live.
void scrape_suite(const Effort& effort, Results& results);
// An empty poll as others measure it. Threads of liblttng-ust stay in the process, at rest.
void tracers_suite(const Effort& effort, Results& results);
// The demo with the shim and without: requests a second at saturation, and latency at a fixed load.
void service_suite(const Effort& effort, Results& results);

// `count` polls of a unit compiled with PULSED_DISABLED, and the same loop without them.
void disabled_polls(std::uint64_t count);
void disabled_baseline(std::uint64_t count);

}  // namespace pulsed::bench
