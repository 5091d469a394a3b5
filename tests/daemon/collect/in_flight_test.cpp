#include "daemon/collect/in_flight.h"
#include "daemon/collect/worker_clock.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "tests/support/attached_by_hand.h"

namespace pulsed::collect {
namespace {

using namespace std::chrono_literals;
using test::AttachedByHand;

constexpr policy::ClassId kClass{1};
// Longer than any poll here can have been seen to run, on however slow a machine.
constexpr policy::Duration kLong = 100s;
const std::uint64_t kTask = AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL);

struct OneWorker : AttachedByHand {
  explicit OneWorker(bool enforce = true) : AttachedByHand(enforce) {
    add_class(1, "shop/render");
    add_worker(0);
    push(0, ref(20, 1, 1, PULSED_KIND_OPEN));
    tick();
  }
  // Looks twice at a poll that burned all of `age`: the first look dates it, the second judges it.
  std::uint64_t hog(std::uint64_t reference, policy::Duration age) {
    sv.workers[0].looked_at_ticks = 0;  // it began after the last look
    const std::uint64_t start = begin_poll(0, reference, age);
    tick();
    sv.workers[0].current.cpu_base = 0ns;
    say_cpu(0, age);
    tick();
    return start;
  }
  Service& sv = service();
};

TEST_CASE("a poll over its budget is a violation while it still runs, and once") {
  OneWorker t;
  t.hog(kTask, 2ms);
  CHECK(t.sv.tiers.violations(kClass) == 1);
  t.tick();
  CHECK(t.sv.tiers.violations(kClass) == 1);
  t.end_poll(0);
  t.push_exact(0, 20, 1, 1, kLong);
  t.tick();
  CHECK(t.sv.tiers.violations(kClass) == 1);
}

TEST_CASE("a poll is not judged by its age: without proven CPU time there is no violation") {
  OneWorker t;
  t.begin_poll(0, kTask, 50ms);
  t.tick();
  t.say_cpu(0, 7ms);  // the clock's first reading dates it; nothing burned since
  t.tick();
  CHECK(t.sv.tiers.violations(kClass) == 0);
}

TEST_CASE("time for which a poll's CPU may have been away is not held against it when it ends") {
  for (const bool away : {false, true}) {
    OneWorker t;
    t.begin_poll(0, kTask, 500us);
    t.tick();
    if (away) t.sv.workers[0].current.doubtful = kLong - 500us;
    t.end_poll(0);
    t.push_exact(0, 20, 1, 1, kLong);
    t.tick();
    CHECK(t.sv.tiers.violations(kClass) == (away ? 0 : 1));
  }
}

TEST_CASE("a worker is suspect from half a budget burned in one poll on, and not by a poll's age") {
  OneWorker t;
  t.begin_poll(0, kTask, 50ms);
  t.tick();
  CHECK(t.sv.workers[0].suspect_until == policy::Time{});
  t.end_poll(0);
  t.tick();
  t.hog(kTask, 499us);
  CHECK(t.sv.workers[0].suspect_until == policy::Time{});
  t.end_poll(0);
  t.tick();
  t.hog(kTask, 501us);
  CHECK(t.sv.workers[0].suspect_until >= t.now() + kSuspect);
}

TEST_CASE("a poll that was seen just after it ended by its own clock is the one that ended") {
  OneWorker t;
  const std::uint64_t start = t.hog(kTask, 2ms);
  const std::uint64_t seen = t.sv.workers[0].current.seen_ticks;
  t.end_poll(0);
  t.push(0, kTask | PULSED_FLAG_CPU_EXACT, seen - t.clock().to_ticks(500ns));
  t.tick();
  CHECK(t.sv.workers[0].last_ended.start == start);
  CHECK(t.sv.tiers.violations(kClass) == 1);
}

TEST_CASE("a poll that began just before the last look, which did not see it, is another one") {
  OneWorker t;
  t.hog(kTask, 2ms);
  CHECK(t.sv.workers[0].current.counted);
  t.begin_poll(0, kTask, 0ns);
  t.sv.workers[0].looked_at_ticks = t.s().lines[0].start + t.clock().to_ticks(500ns);
  t.tick();
  CHECK_FALSE(t.sv.workers[0].current.counted);
}

TEST_CASE("the end of a poll that was counted is told from the end of the next poll of its task") {
  OneWorker t;
  t.hog(kTask, 2ms);
  // It ends, and the same task begins again before the next look.
  t.push_exact(0, 20, 1, 1, kLong);
  t.hog(kTask, 2ms);
  CHECK(t.sv.tiers.violations(kClass) == 2);
  t.end_poll(0);
  t.push_exact(0, 20, 1, 1, kLong);
  t.tick();
  CHECK(t.sv.tiers.violations(kClass) == 2);
}

TEST_CASE("a sample that comes a tick after its poll was seen to end still finds it") {
  OneWorker t;
  t.hog(kTask, 2ms);
  t.end_poll(0);
  t.tick();
  t.hog(kTask, 2ms);
  t.push_exact(0, 20, 1, 1, kLong);
  t.tick();
  t.end_poll(0);
  t.push_exact(0, 20, 1, 1, kLong);
  t.tick();
  CHECK(t.sv.tiers.violations(kClass) == 2);
}

TEST_CASE("a shorter poll of the same task is not taken for the one in flight") {
  OneWorker t;
  t.hog(kTask, 4ms);
  CHECK(match_ended(t.sv.workers[0], kTask, t.clock().to_ticks(3ms)) == nullptr);
  CHECK(match_ended(t.sv.workers[0], AttachedByHand::ref(20, 2, 1, PULSED_KIND_POLL),
                    t.clock().to_ticks(kLong)) == nullptr);
  CHECK(match_ended(t.sv.workers[0], kTask, t.clock().to_ticks(kLong)) == &t.sv.workers[0].current);
}

TEST_CASE("an emergency isolates while the poll runs, and under enforce asks this poll to yield") {
  OneWorker t;
  const std::uint64_t start = t.hog(kTask, 6ms);
  CHECK(t.sv.tiers.tier({20, 1}) == policy::Tier::kIsolate);
  CHECK(t.d().workers[0].yield_start == start);
  t.end_poll(0);
  t.tick();
  CHECK(t.d().workers[0].yield_start == 0);
}

TEST_CASE("a task that is known from a poll in flight alone has its word from then on") {
  OneWorker t;
  const std::uint64_t task = AttachedByHand::ref(21, 3, 1, PULSED_KIND_POLL);
  t.set_identity(task);
  t.hog(task, 2ms);
  CHECK(t.sv.tiers.live({21, 3}));
  CHECK((t.d().tasks[21] >> PULSED_WORD_GENERATION_SHIFT) == 3);
}

TEST_CASE("in shadow the same poll is asked nothing") {
  OneWorker t(false);
  t.hog(kTask, 6ms);
  CHECK(t.sv.tiers.tier({20, 1}) == policy::Tier::kIsolate);
  CHECK(t.d().workers[0].yield_start == 0);
}

TEST_CASE(
    "an isolated task on an ordinary worker is asked to yield at once, on the isolation pool only "
    "over budget") {
  OneWorker t;
  t.add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
  t.hog(kTask, 6ms);
  t.end_poll(0);
  t.tick();
  const std::uint64_t start = t.begin_poll(0, kTask, 10us);
  t.tick();
  CHECK(t.d().workers[0].yield_start == start);
  t.begin_poll(1, kTask, 10us);
  t.tick();
  CHECK(t.d().workers[1].yield_start == 0);
}

TEST_CASE("on the isolation pool a poll is asked to yield after its turn, not after its budget") {
  OneWorker t;
  t.add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
  t.hog(kTask, 6ms);  // isolated from here on
  t.end_poll(0);
  t.push_exact(0, 20, 1, 1, kLong);
  t.tick();
  const std::uint64_t start = t.begin_poll(1, kTask, 30ms);
  t.tick();
  t.sv.workers[1].current.cpu_base = 0ns;
  t.say_cpu(1, 9999us);
  t.tick();
  CHECK(t.sv.tiers.violations(kClass) == 2);
  CHECK(t.d().workers[1].yield_start == 0);
  t.say_cpu(1, 10ms);
  t.tick();
  CHECK(t.d().workers[1].yield_start == start);
}

TEST_CASE("a clock that can tell nothing new is not read") {
  OneWorker t;
  pulsed_clocks request{};
  const auto asked = [&] {
    return ::recv(t.peer_socket(), &request, sizeof(request), MSG_DONTWAIT) > 0;
  };
  t.begin_poll(0, kTask, 600us);
  t.tick();
  REQUIRE(asked());
  t.say_cpu(0, 5ms);  // dated: nothing proven yet
  t.pass(300us);
  t.tick();
  CHECK_FALSE(asked());  // it cannot have reached its budget of 1 ms
  t.pass(800us);
  t.begin_poll(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL), 1700us);
  t.tick();
  CHECK(asked());
}

TEST_CASE(
    "the loop looks again when a poll may reach its budget, and does not hurry for the isolation "
    "pool") {
  OneWorker t;
  t.add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
  t.tick();
  t.begin_poll(1, kTask, 700us);
  CHECK(t.tick().next_look == policy::Duration::max());
  t.begin_poll(0, kTask, 700us);
  const policy::Duration soon = t.tick().next_look;
  CHECK(soon <= 300us);
  t.begin_poll(0, kTask, 50ms);  // over budget and emergency by its age: nothing left to wait for
  CHECK(t.tick().next_look == policy::Duration::max());
}

TEST_CASE("nonsense in a worker line is rejected and asks nothing") {
  OneWorker t;
  for (const std::uint64_t bad : {AttachedByHand::ref(2000, 1, 1, PULSED_KIND_POLL),
                                  AttachedByHand::ref(20, 1, 1, PULSED_KIND_OPEN),
                                  AttachedByHand::ref(0, 3, 1, PULSED_KIND_POLL), UINT64_MAX}) {
    const std::uint64_t before = t.sv.rejected_records;
    t.begin_poll(0, bad, 1ms);
    CHECK_FALSE(t.tick().in_flight);
    CHECK(t.sv.rejected_records == before + 1);
  }
  const std::uint64_t before = t.sv.rejected_records;
  t.begin_poll(0, kTask, -1s);  // begins in the future
  t.tick();
  CHECK(t.sv.rejected_records == before + 1);
}

TEST_CASE("a poll in flight of a class registered just now is looked at in the next tick") {
  OneWorker t;
  t.begin_poll(0, AttachedByHand::ref(20, 1, 2, PULSED_KIND_POLL), 1ms);
  t.tick();
  CHECK(t.sv.rejected_records == 0);
  t.add_class(2, "late");
  CHECK(t.tick().in_flight);
}

TEST_CASE("without perf events the shim is asked for the clocks of polls past half their budget") {
  OneWorker t;
  pulsed_clocks request{};
  t.begin_poll(0, kTask, 0us);
  t.tick();
  CHECK(::recv(t.peer_socket(), &request, sizeof(request), MSG_DONTWAIT) < 0);
  t.begin_poll(0, kTask, 600us);
  t.tick();
  REQUIRE(::recv(t.peer_socket(), &request, sizeof(request), MSG_DONTWAIT) == sizeof(request));
  CHECK(request.type == PULSED_MESSAGE_READ_CLOCKS);
  CHECK(request.count == 1);
  CHECK(request.worker[0] == 0);
}

TEST_CASE("where more clocks are wanted than a message holds, every one is asked for in turn") {
  constexpr std::uint32_t kWorkers = 3 * PULSED_CLOCKS_A_MESSAGE / 2;
  AttachedByHand t(true, {kWorkers, 1024, 1024, 64});
  t.add_class(1, "shop/render");
  for (std::uint32_t i = 0; i < kWorkers; ++i) {
    t.add_worker(i);
    t.begin_poll(i, AttachedByHand::ref(20 + i, 1, 1, PULSED_KIND_POLL), 2ms);
  }
  std::vector<unsigned> asked(kWorkers);
  for (int round = 0; round < 3; ++round) {
    t.pass(10ms);
    t.tick();
    pulsed_clocks request{};
    REQUIRE(::recv(t.peer_socket(), &request, sizeof(request), MSG_DONTWAIT) == sizeof(request));
    CHECK(request.count == PULSED_CLOCKS_A_MESSAGE);
    for (std::uint32_t i = 0; i < request.count; ++i) ++asked[request.worker[i]];
  }
  CHECK(std::ranges::all_of(asked, [](unsigned times) { return times == 2; }));
}

TEST_CASE("CPU time burned before the poll began is not held against it") {
  WorkerView worker{shm::RingReader{}};
  worker.current.valid = true;
  worker.reading = CpuReading{10ms, 100ms};
  SUBCASE("the worker was busy all the time") {
    note_cpu(worker, 14ms, 104ms, 101ms);  // burned 4 in 4, of which the poll had 3
    CHECK(worker.current.cpu == 3ms);
  }
  SUBCASE("it may all have been burned before") {
    note_cpu(worker, 11ms, 104ms, 101ms);
    CHECK(worker.current.cpu == 0ms);
    note_cpu(worker, 13ms, 106ms, 101ms);
    CHECK(worker.current.cpu == 2ms);
  }
  SUBCASE("a reading older than the poll only dates the clock") {
    note_cpu(worker, 14ms, 100500us, 101ms);
    CHECK_FALSE(worker.current.cpu_base.has_value());
  }
}

TEST_CASE("a poll that paused for a nested one is the same poll when it goes on") {
  OneWorker t;
  t.add_class(2, "inner");
  t.hog(kTask, 2ms);
  const std::uint64_t inner = AttachedByHand::ref(30, 1, 2, PULSED_KIND_POLL);
  SUBCASE("the nested poll was not seen") {}
  SUBCASE("the nested poll was seen") {
    t.begin_poll(0, inner, 0us);
    t.tick();
  }
  // It goes on, its begin moved to a moment before the last look.
  t.begin_poll(0, kTask, 1900us);
  t.sv.workers[0].looked_at_ticks = t.clock().now();
  t.tick();
  t.say_cpu(0, 3ms);
  t.tick();
  CHECK(t.sv.workers[0].current.counted);
  CHECK(t.sv.tiers.violations(kClass) == 1);
}

TEST_CASE("a line that changes hands forgets the thread before") {
  OneWorker t;
  t.sv.workers[0].reading = CpuReading{1ms, t.now()};
  t.sv.workers[0].clock_misses = 3;
  t.s().lines[0].tid += 1;
  t.tick();
  CHECK_FALSE(t.sv.workers[0].reading.has_value());
  CHECK(t.sv.workers[0].clock_misses == 0);
}

TEST_CASE("an attached line that turns from one kind of worker into another is nonsense") {
  OneWorker t;
  for (const std::uint32_t kind : {PULSED_WORKER_ISOLATION, PULSED_WORKER_SPARE}) {
    const std::uint64_t before = t.sv.rejected_records;
    t.s().lines[0].state = PULSED_WORKER_ATTACHED | kind;
    t.tick();
    CHECK(t.sv.rejected_records == before + 1);
  }
}

TEST_CASE("a poll past its other limits is still timed for the demotion that is to come") {
  OneWorker t;
  policy::ClassPolicy policy = t.resolved();
  policy.fields.demote_after = 20ms;  // beyond emergency_poll
  t.set_policy(1, policy);
  t.hog(kTask, 19ms);
  const Collected collected = t.tick();
  CHECK(collected.next_look <= 1100us);
}

}  // namespace
}  // namespace pulsed::collect
