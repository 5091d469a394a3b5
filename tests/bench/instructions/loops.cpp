#include "tests/bench/instructions/loops.h"

#include <valgrind/callgrind.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/bench/attached_worker.h"
#include "tests/bench/instructions/callgrind.h"
#include "tests/bench/instructions/calls.h"
#include "tests/bench/instructions/drain.h"

namespace pulsed::bench {
namespace {

constexpr std::uint32_t kLengths[] = {1000, 2000};
constexpr std::uint32_t kWarmUp = 100;

template <typename Run>
void dump(const Label& label, Run&& run) {
  const std::string text = label.text();
  CALLGRIND_ZERO_STATS;
  run();
  CALLGRIND_DUMP_STATS_AT(text.c_str());
}

template <typename Prepare>
void count(const CountedUnit& unit, const CountedCall& call, pulsed_task task, Prepare&& prepare) {
  for (const bool with : {false, true}) {
    const auto loop = with ? call.with : call.without;
    prepare();
    loop(kWarmUp, task);
    for (const std::uint32_t length : kLengths) {
      prepare();
      dump({call.name, unit.compiler, call.at_most, with, length}, [&] { loop(length, task); });
    }
  }
}

void count_detached(const CountedUnit& unit) {
  for (const CountedCall& call : unit.calls) {
    if (!call.attached) count(unit, call, {1}, [] {});
  }
}

void count_attached(const CountedUnit& unit, AttachedWorker& attached) {
  const pulsed_task task = attached.tasks().front();
  pulsed_hot* hot = pulsed_tls_hot;
  // Whatever else the machine runs, no poll ends out of line for having taken long.
  hot->long_poll = UINT64_MAX;
  const auto make_room = [&] {
    attached.empty_ring();
    hot->limit = hot->write;  // so that this poll finds the room, and no counted one has to look
    pulsed_poll_begin(task);
    pulsed_poll_end();
  };
  for (const CountedCall& call : unit.calls) {
    if (call.attached) count(unit, call, task, make_room);
  }
}

void count_drain() {
  FilledRing ring;
  ring.fill(kWarmUp);
  ring.drain_and_decide();
  for (const std::uint32_t length : kLengths) {
    ring.fill(length);
    dump({"drain + decide, a sample", FilledRing::compiler(), {}, true, length},
         [&] { ring.drain_and_decide(); });
  }
  ring.check();
}

}  // namespace

int run_loops() {
  if (pulsed_clock_is_tsc == 0) {
    std::fprintf(stderr, "the shim does not read the TSC here, and counts are stored for that\n");
    return kCannotCount;
  }
  const CountedUnit units[] = {calls_by_own_compiler(), disabled_by_own_compiler(),
#ifdef PULSED_COUNTED_OTHER
                               calls_by_other_compiler(), disabled_by_other_compiler()
#endif
  };
  for (const CountedUnit& unit : units) count_detached(unit);
  {
    AttachedWorker attached(64);
    for (const CountedUnit& unit : units) count_attached(unit, attached);
  }
  count_drain();
  return 0;
}

}  // namespace pulsed::bench
