#include "daemon/collect/collector.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/collect/in_flight.h"
#include "tests/support/attached_by_hand.h"

namespace pulsed::collect {
namespace {

using namespace std::chrono_literals;
using test::AttachedByHand;

constexpr policy::ClassId kClass{1};

struct OneWorker : AttachedByHand {
  explicit OneWorker(bool enforce = true) : AttachedByHand(enforce) {
    add_class(1, "shop/render");
    add_worker(0);
    tick();
  }
  Service& sv = service();
};

TEST_CASE("a sample ends in its class's histogram and with its task") {
  OneWorker t;
  t.push(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_OPEN));
  t.push_exact(0, 20, 1, 1, 300us);
  t.push(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_QUEUE_WAIT), t.clock().to_ticks(2ms));
  CHECK(t.tick().samples == 3);
  CHECK(t.sv.tiers.live_tasks() == 1);
  CHECK(t.sv.classes[1].poll_duration.count() == 1);
  CHECK(t.sv.classes[1].queue_wait.count() == 1);
  CHECK(t.sv.rejected_records == 0);
}

TEST_CASE("a task whose open record was lost is known from its first poll on") {
  OneWorker t;
  t.push_exact(0, 20, 7, 1, 300us);
  t.tick();
  CHECK(t.sv.tiers.live_tasks() == 1);
  CHECK((t.d().tasks[20] >> PULSED_WORD_GENERATION_SHIFT) == 7);
}

TEST_CASE("a closed task leaves nothing behind") {
  OneWorker t;
  t.push(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_OPEN));
  t.push(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_CLOSE));
  t.tick();
  CHECK(t.sv.tiers.live_tasks() == 0);
}

TEST_CASE("a task whose close was lost is closed by its identity word") {
  OneWorker t;
  t.push(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_OPEN));
  t.tick();
  CHECK(t.sv.tiers.live_tasks() == 1);
  t.set_identity(AttachedByHand::ref(20, 1, 1, PULSED_KIND_CLOSE));
  t.tick();
  CHECK(t.sv.tiers.live_tasks() == 0);
}

TEST_CASE("a task whose slot was dealt again is closed, by either side of the wrap") {
  for (const std::uint16_t generation : {std::uint16_t{1}, std::uint16_t{0xffff}}) {
    CAPTURE(generation);
    OneWorker t;
    t.push(0, AttachedByHand::ref(20, generation, 1, PULSED_KIND_OPEN));
    t.tick();
    CHECK(t.sv.tiers.live_tasks() == 1);
    const std::uint16_t next = generation == 0xffff ? 1 : generation + 1;
    t.set_identity(AttachedByHand::ref(20, next, 1, PULSED_KIND_OPEN));
    t.tick();
    CHECK(t.sv.tiers.live_tasks() == 0);
  }
}

// A service tells of its tasks' identities while its workers poll already.
TEST_CASE("a task that is polled before its identity word is written is no closed one") {
  for (const std::uint32_t earlier :
       {0U, 6U << PULSED_IDENTITY_GENERATION_SHIFT, 6U << PULSED_IDENTITY_GENERATION_SHIFT | 1U}) {
    CAPTURE(earlier);
    OneWorker t;
    t.push_exact(0, 20, 7, 1, 5ms);
    t.s().identity[20] = earlier;
    for (int i = 0; i < 3; ++i) t.tick();
    CHECK(t.sv.tiers.live_tasks() == 1);
    t.push(0, AttachedByHand::ref(20, 7, 1, PULSED_KIND_CLOSE));
    t.tick();
    CHECK(t.sv.tiers.live_tasks() == 0);
  }
}

TEST_CASE("a late record of a slot's last task does not take the word of its next") {
  OneWorker t;
  t.push(0, AttachedByHand::ref(20, 6, 1, PULSED_KIND_OPEN));
  t.tick();
  t.push(0, AttachedByHand::ref(20, 5, 1, PULSED_KIND_OPEN));
  t.push_exact(0, 20, 5, 1, 300us);
  t.set_identity(AttachedByHand::ref(20, 6, 1, PULSED_KIND_OPEN));
  t.tick();
  CHECK((t.d().tasks[20] >> PULSED_WORD_GENERATION_SHIFT) == 6);
}

TEST_CASE("records of kinds that a newer shim may write are counted, and are no nonsense") {
  OneWorker t;
  t.push(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_COUNT));
  t.tick();
  CHECK(t.sv.rejected_records == 1);
  CHECK(t.sv.nonsense == 0);
  t.push(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_FREE));
  t.tick();
  CHECK(t.sv.nonsense == 1);
}

TEST_CASE(
    "one tick takes a bounded number of samples of a service, from another ring first each time") {
  AttachedByHand t(true, {2, 65536, 1024, 64});
  t.add_class(1, "a");
  t.add_worker(0);
  t.add_worker(1);
  t.tick();
  for (int i = 0; i < 65000; ++i) t.push_exact(0, 20, 1, 1, 10us);
  for (int i = 0; i < 65000; ++i) t.push_exact(1, 21, 1, 1, 10us);
  const Collected first = t.tick();
  CHECK(first.samples == 65536);
  CHECK(first.more_waiting);
  const Collected second = t.tick();
  CHECK(first.samples + second.samples == 130000);
  CHECK_FALSE(second.more_waiting);
  CHECK(t.service().rejected_records == 0);
}

TEST_CASE("polls of an isolation pool that has ended stay told apart") {
  OneWorker t;
  t.add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
  t.tick();
  t.s().totals[AttachedByHand::kDimensions.classes + 1] = {5, 1000, 500, 5, 1, 0, 0, 0};
  t.s().lines[1].state = PULSED_WORKER_FREE;
  t.tick();
  t.collector().read_totals(t.sv);
  t.collector().read_totals(t.sv);
  CHECK(t.sv.classes[1].isolated_polls == 5);
  CHECK(t.sv.rejected_records == 0);
}

TEST_CASE("every kind of nonsense in a sample is rejected and counted") {
  OneWorker t;
  const auto rejected = [&t](std::uint64_t ref) {
    const std::uint64_t before = t.sv.rejected_records;
    t.push(0, ref);
    t.tick();
    return t.sv.rejected_records - before;
  };
  CHECK(rejected(AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL)) == 0);
  CHECK(rejected(AttachedByHand::ref(1024, 1, 1, PULSED_KIND_POLL)) == 1);  // no such slot
  CHECK(rejected(AttachedByHand::ref(1023, 1, 1, PULSED_KIND_POLL)) == 0);
  CHECK(rejected(AttachedByHand::ref(20, 1, 2, PULSED_KIND_POLL)) == 1);  // no such class
  CHECK(rejected(AttachedByHand::ref(0, 1, 1, PULSED_KIND_POLL)) ==
        1);  // a generation without a slot
  CHECK(rejected(AttachedByHand::ref(20, 0, 1, PULSED_KIND_POLL)) ==
        1);  // a slot without a generation
  CHECK(rejected(AttachedByHand::ref(20, 1, 1, PULSED_KIND_FREE)) == 1);
  CHECK(rejected(AttachedByHand::ref(20, 1, 1, PULSED_KIND_COUNT)) == 1);
  CHECK(rejected(UINT64_MAX) == 1);
}

TEST_CASE("a write index beyond the ring is rejected once and what follows is read") {
  OneWorker t;
  t.s().lines[0].write += 65;
  t.tick();
  CHECK(t.sv.rejected_records == 1);
  t.push_exact(0, 20, 1, 1, 300us);
  t.tick();
  CHECK(t.sv.rejected_records == 1);
  CHECK(t.sv.classes[1].poll_duration.count() == 1);
}

TEST_CASE("dropped samples are counted exactly, and a drop counter that falls is rejected") {
  OneWorker t;
  t.s().lines[0].dropped = 17;
  t.push_exact(0, 20, 1, 1, 300us);
  t.tick();
  CHECK(t.sv.dropped_samples == 17);
  t.s().lines[0].dropped = 3;
  t.push_exact(0, 20, 1, 1, 300us);
  t.tick();
  CHECK(t.sv.dropped_samples == 17);
  CHECK(t.sv.rejected_records == 1);
}

TEST_CASE("a class registered after the last tick is known to the samples that name it") {
  OneWorker t;
  t.add_class(2, "shop/pay");
  t.push_exact(0, 20, 1, 2, 300us);
  t.tick();
  CHECK(t.sv.rejected_records == 0);
  CHECK(t.sv.classes[2].name == "shop/pay");
  CHECK(t.sv.classes[2].poll_duration.count() == 1);
}

TEST_CASE("more workers and classes than the segments hold are not looked for") {
  OneWorker t;
  t.s().service->workers_high = UINT32_MAX;
  t.s().service->classes_high = UINT32_MAX;
  t.tick();
  CHECK(t.sv.workers.size() == AttachedByHand::kDimensions.workers);
  CHECK(t.sv.classes.size() == AttachedByHand::kDimensions.classes);
}

TEST_CASE("after a standstill what waits is skipped, counted and not judged") {
  OneWorker t;
  for (int i = 0; i < 10; ++i) t.push_exact(0, 20, 1, 1, 30ms);
  t.collector().skip_backlog(t.sv);
  t.tick();
  CHECK(t.sv.skipped_samples == 10);
  CHECK(t.sv.tiers.violations(kClass) == 0);
}

TEST_CASE("a worker at rest is looked at again once anything of its line is another") {
  OneWorker t;
  t.add_worker(1);
  t.tick();
  t.tick();
  REQUIRE(t.sv.resting[1].at_rest);
  t.sv.lines_changed = false;
  pulsed_worker_line& line = t.s().lines[1];
  SUBCASE("a sample") {
    t.push_exact(1, 20, 1, 1, 300us);
    CHECK(t.tick().samples == 1);
  }
  SUBCASE("a poll in flight") {
    t.begin_poll(1, AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL), 10us);
    CHECK(t.tick().in_flight);
    CHECK(t.sv.polling == std::vector<std::uint32_t>{1});
    CHECK(t.tick().in_flight);
    t.end_poll(1);
    CHECK_FALSE(t.tick().in_flight);
    CHECK(t.sv.polling.empty());
    CHECK_FALSE(t.sv.workers[1].current.valid);
  }
  SUBCASE("another thread") {
    line.tid += 1;
    t.tick();
    CHECK(t.sv.workers[1].tid == line.tid);
    CHECK(t.sv.lines_changed);
  }
  SUBCASE("no thread any more") {
    line.state = PULSED_WORKER_FREE;
    t.tick();
    CHECK(t.sv.workers[1].state == PULSED_WORKER_FREE);
  }
  SUBCASE("another run loop") {
    line.run_loop = 7;
    t.tick();
    CHECK(t.sv.workers[1].run_loop == 7);
    CHECK(t.sv.lines_changed);
  }
}

TEST_CASE("of a worker at rest nothing but its line is looked at") {
  OneWorker t;
  t.sv.workers[0].tid = 1;  // as if a look had found it so: any look would mend it
  t.tick();
  CHECK(t.sv.workers[0].tid == 1);
}

TEST_CASE("totals are summed over workers, and polls of the isolation pool told apart") {
  OneWorker t;
  t.add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
  t.tick();
  t.s().totals[1] = {10, 1000, 500, 9, 2, 0, 0, 0};
  t.s().totals[AttachedByHand::kDimensions.classes + 1] = {5, 1000, 500, 5, 1, 0, 0, 0};
  t.collector().read_totals(t.sv);
  CHECK(t.sv.classes[1].polls == 15);
  CHECK(t.sv.classes[1].yields == 3);
  CHECK(t.sv.classes[1].isolated_polls == 5);
  CHECK(t.sv.classes[1].cpu_ns == t.clock().to_ns(1000));
}

TEST_CASE("a total that falls changes no counter of ours") {
  OneWorker t;
  t.s().totals[1] = {10, 1000, 500, 9, 2, 0, 0, 0};
  t.collector().read_totals(t.sv);
  t.s().totals[1].polls = 4;
  t.collector().read_totals(t.sv);
  CHECK(t.sv.classes[1].polls == 10);
  CHECK(t.sv.rejected_records == 1);
}

std::int64_t blocks(const Service& service) {
  struct stat st {};
  REQUIRE(::fstat(service.peer.end.service_fd.get(), &st) == 0);
  return st.st_blocks;
}

TEST_CASE(
    "whoever reads the totals of very many workers and classes has time for other things in "
    "between") {
  constexpr std::uint32_t kMost = 4096;
  AttachedByHand t(true, {kMost, 64, 1024, kMost});
  t.add_class(1, "a");
  for (std::uint32_t worker = 0; worker < kMost; ++worker) t.add_worker(worker);
  t.tick();
  constexpr std::size_t kRecords = 1 << 20;
  for (std::size_t i = 0; i < kRecords; i += 64) t.s().totals[i].cpu_ticks = 1;  // each page
  t.s().totals[1].polls = 3;
  t.s().totals[kRecords - kMost + 1].polls = 4;
  int between = 0;
  t.collector().read_totals(t.service(), [&] { ++between; });
  CHECK(between >= 4);
  CHECK(t.service().classes[1].polls == 7);
}

TEST_CASE("reading totals allocates no page that the service has not written") {
  AttachedByHand t(true, {64, 64, 1024, 4096});
  t.add_class(1, "a");
  t.add_worker(63);
  t.tick();
  t.s().totals[std::size_t{63} * 4096 + 1] = {10, 1000, 500, 9, 2, 0, 0, 0};
  const std::int64_t before = blocks(t.service());
  t.collector().read_totals(t.service());
  CHECK(blocks(t.service()) == before);
  CHECK(t.service().classes[1].polls == 10);
}

}  // namespace
}  // namespace pulsed::collect
