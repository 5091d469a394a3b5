// What is measured. Each suite makes what it needs, and appends its figures.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/figure.h"

namespace pulsed::bench {

struct Effort {
  int turns;  // of each loop
  std::uint32_t cold_tasks;
};

// The per-poll path of an attached worker: hot, cold, and with its ring drained by another thread meanwhile.
void poll_suite(const Effort& effort, std::vector<Figure>& figures);
// should_yield, opening and closing tasks, and the cost of calls that do nothing: detached, and compiled out.
void call_suite(const Effort& effort, std::vector<Figure>& figures);
// One daemon core: from the rings through the collector into the policy.
void collect_suite(const Effort& effort, std::vector<Figure>& figures);

// `count` polls of a unit compiled with PULSED_DISABLED, and the same loop without them.
void disabled_polls(std::uint64_t count);
void disabled_baseline(std::uint64_t count);

}  // namespace pulsed::bench
