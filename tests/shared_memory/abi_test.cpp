// Golden offsets: what another build of a service or of pulsed relies on. A failure here is a new ABI major.
#include "shared_memory/abi.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

namespace {

TEST_CASE("the segment header keeps its golden offsets") {
  using H = pulsed_segment_header;
  CHECK(offsetof(H, magic) == 0);
  CHECK(offsetof(H, abi_major) == 8);
  CHECK(offsetof(H, abi_minor) == 10);
  CHECK(offsetof(H, region_count) == 12);
  CHECK(offsetof(H, features) == 16);
  CHECK(offsetof(H, clock_kind) == 24);
  CHECK(offsetof(H, ring_samples) == 28);
  CHECK(offsetof(H, ticks_per_second) == 32);
  CHECK(offsetof(H, segment_bytes) == 40);
  CHECK(offsetof(H, attachment) == 48);
  CHECK(offsetof(H, regions) == 64);
  CHECK(sizeof(H) == 64 + 16 * 24);
  CHECK(offsetof(pulsed_region, offset) == 0);
  CHECK(offsetof(pulsed_region, count) == 8);
  CHECK(offsetof(pulsed_region, record_size) == 16);
  CHECK(sizeof(pulsed_region) == 24);
}

TEST_CASE("what the service writes keeps its golden offsets") {
  CHECK(offsetof(pulsed_sample, ref) == 0);
  CHECK(offsetof(pulsed_sample, span) == 8);
  CHECK(sizeof(pulsed_sample) == 16);
  CHECK(offsetof(pulsed_service_line, workers_high) == 0);
  CHECK(offsetof(pulsed_service_line, classes_high) == 4);
  CHECK(offsetof(pulsed_service_line, table_full) == 16);
  CHECK(offsetof(pulsed_worker_line, start) == 0);
  CHECK(offsetof(pulsed_worker_line, task) == 8);
  CHECK(offsetof(pulsed_worker_line, write) == 16);
  CHECK(offsetof(pulsed_worker_line, dropped) == 24);
  CHECK(offsetof(pulsed_worker_line, tid) == 32);
  CHECK(offsetof(pulsed_worker_line, state) == 36);
  CHECK(offsetof(pulsed_worker_line, name) == 40);
  CHECK(offsetof(pulsed_worker_line, run_loop) == 56);
  CHECK(sizeof(pulsed_worker_line) == 64);
  CHECK(offsetof(pulsed_class_totals, polls) == 0);
  CHECK(offsetof(pulsed_class_totals, wall_ticks) == 8);
  CHECK(offsetof(pulsed_class_totals, cpu_ticks) == 16);
  CHECK(offsetof(pulsed_class_totals, cpu_polls) == 24);
  CHECK(offsetof(pulsed_class_totals, yields) == 32);
  CHECK(offsetof(pulsed_class_totals, queue_waits) == 40);
  CHECK(offsetof(pulsed_class_totals, queue_wait_ticks) == 48);
  CHECK(offsetof(pulsed_class_record, priority) == 0);
  CHECK(offsetof(pulsed_class_record, name_length) == 4);
  CHECK(offsetof(pulsed_class_record, name) == 8);
}

TEST_CASE("what the daemon writes keeps its golden offsets") {
  CHECK(offsetof(pulsed_daemon_line, heartbeat) == 0);
  CHECK(offsetof(pulsed_daemon_line, lease_ticks) == 8);
  CHECK(offsetof(pulsed_daemon_line, revision) == 16);
  CHECK(offsetof(pulsed_daemon_line, abilities) == 24);
  CHECK(sizeof(pulsed_daemon_line) == 64);
  CHECK(offsetof(pulsed_worker_word, yield_start) == 0);
  CHECK(offsetof(pulsed_worker_word, demoted_start) == 8);
  CHECK(offsetof(pulsed_worker_word, restored) == 16);
  CHECK(offsetof(pulsed_worker_word, spare) == 20);
  CHECK(offsetof(pulsed_worker_word, own_policy) == 24);
  CHECK(offsetof(pulsed_worker_word, own_nice) == 28);
  CHECK(sizeof(pulsed_worker_word) == 64);
}

TEST_CASE("the messages of the attach socket keep their golden offsets") {
  CHECK(offsetof(pulsed_hello, type) == 8);
  CHECK(offsetof(pulsed_hello, abi_major) == 12);
  CHECK(offsetof(pulsed_hello, features) == 16);
  CHECK(offsetof(pulsed_hello, workers) == 24);
  CHECK(offsetof(pulsed_hello, service) == 72);
  CHECK(sizeof(pulsed_hello) == 136);
  CHECK(offsetof(pulsed_welcome, status) == 12);
  CHECK(offsetof(pulsed_welcome, abi_major) == 16);
  CHECK(offsetof(pulsed_welcome, reason) == 40);
  CHECK(sizeof(pulsed_welcome) == 136);
  CHECK(offsetof(pulsed_clocks, count) == 12);
  CHECK(offsetof(pulsed_clocks, at_ns) == 16);
  CHECK(offsetof(pulsed_clocks, worker) == 24);
  CHECK(offsetof(pulsed_clocks, cpu_ns) == 88);
  CHECK(sizeof(pulsed_clocks) == 216);
}

TEST_CASE("the fields of a task reference fill one word without overlap") {
  const std::uint64_t slot = PULSED_REF_SLOT_MASK;
  const std::uint64_t generation = PULSED_REF_GENERATION_MASK << PULSED_REF_GENERATION_SHIFT;
  const std::uint64_t cls = PULSED_REF_CLASS_MASK << PULSED_REF_CLASS_SHIFT;
  const std::uint64_t kind = PULSED_REF_KIND_MASK << PULSED_REF_KIND_SHIFT;
  const std::uint64_t flags = 0xffULL << PULSED_REF_FLAGS_SHIFT;
  CHECK((slot ^ generation ^ cls ^ kind ^ flags) == ~0ULL);
  CHECK((slot | generation | cls | kind | flags) == ~0ULL);
  CHECK(PULSED_MAX_TASKS - 1 == slot);
  CHECK(PULSED_MAX_CLASSES - 1 == PULSED_REF_CLASS_MASK);
}

TEST_CASE("the fields of a task or class word fill it without overlap") {
  const std::uint32_t generation = 0xffffU << PULSED_WORD_GENERATION_SHIFT;
  const std::uint32_t weight = PULSED_WORD_WEIGHT_MASK << PULSED_WORD_WEIGHT_SHIFT;
  const std::uint32_t tier = PULSED_WORD_TIER_MASK << PULSED_WORD_TIER_SHIFT;
  const std::uint32_t directive = PULSED_DIRECTIVE_MASK;
  CHECK((generation ^ weight ^ tier ^ directive) == ~0U);
  CHECK((generation | weight | tier | directive) == ~0U);
  CHECK(PULSED_WORD_GENERATION_SHIFT == 16);
  CHECK(PULSED_WORD_WEIGHT_SHIFT == 5);
  CHECK(PULSED_WORD_TIER_SHIFT == 3);
  CHECK(PULSED_WEIGHT_ORDINARY == 100);  // what 0 stands for: the words of a daemon of ABI 1.1
  CHECK(PULSED_WEIGHT_MAX <= PULSED_WORD_WEIGHT_MASK);
}

TEST_CASE("the words of tiers and directives and records are part of the ABI") {
  CHECK(PULSED_TIER_ISOLATE == 3);
  CHECK(PULSED_DIRECTIVE_MEASURE == 1);
  CHECK(PULSED_DIRECTIVE_YIELD == 2);
  CHECK(PULSED_DIRECTIVE_ISOLATE == 4);
  CHECK(PULSED_KIND_POLL == 1);
  CHECK(PULSED_KIND_QUEUE_WAIT == 2);
  CHECK(PULSED_KIND_OPEN == 3);
  CHECK(PULSED_KIND_CLOSE == 4);
  CHECK(PULSED_WORKER_ATTACHED == 1);
  CHECK(PULSED_WORKER_ISOLATION == 2);
  CHECK(PULSED_WORKER_SPARE == 4);
  CHECK(PULSED_SPARE_PARK == 0);  // zeroed memory is a parked spare worker
  CHECK(PULSED_SPARE_RUN == 1);
  CHECK(PULSED_DAEMON_DEMOTES == 1);
  CHECK(PULSED_DAEMON_WAKES_SPARES == 2);
}

TEST_CASE("the ABI's version tells which of the reserved fields have a meaning") {
  CHECK(PULSED_ABI_MAJOR == 1);
  // 1.1: run_loop, demoted_start, restored, spare, own_*, abilities; 1.2: weights in class words
  CHECK(PULSED_ABI_MINOR == 2);
}

}  // namespace
