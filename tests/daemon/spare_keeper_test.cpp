#include "daemon/spare_keeper.h"

#include <doctest/doctest.h>

#include "tests/support/attached_by_hand.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using test::AttachedByHand;

constexpr std::uint32_t kSpare = PULSED_WORKER_ATTACHED | PULSED_WORKER_SPARE;
constexpr std::uint32_t kLoop = 1;

// Two ordinary workers (lines 0, 1) and two spare workers (2, 3) of one run loop.
struct TwoAndTwo : AttachedByHand {
  TwoAndTwo() : AttachedByHand(true, {8, 64, 1024, 64}) {
    for (std::uint32_t i = 0; i < 4; ++i) add(i, i < 2 ? PULSED_WORKER_ATTACHED : kSpare, kLoop);
    add_class(1, "shop/render");
    tick();
  }
  void add(std::uint32_t line, std::uint32_t state, std::uint32_t run_loop) {
    add_worker(line, state);
    s().lines[line].run_loop = run_loop;
  }
  // As the collector and HeldWorkers leave it.
  void hold(std::uint32_t worker, bool held = true) {
    std::erase(service().polling, worker);
    if (held) service().polling.push_back(worker);
    collect::TrackedPoll& poll = service().workers[worker].current;
    poll = collect::TrackedPoll{};
    poll.valid = held;
    poll.ref = ref(0, 0, 1, PULSED_KIND_POLL);
    poll.held = held;
  }
  void keep() { keeper_.keep(service(), now()); }
  [[nodiscard]] bool runs(std::uint32_t line) {
    return d().workers[line].spare == PULSED_SPARE_RUN;
  }
  [[nodiscard]] int running() {
    int n = 0;
    for (std::uint32_t i = 0; i < kLines; ++i) n += runs(i) ? 1 : 0;
    return n;
  }
  void allow(std::uint32_t most) {
    policy::ClassPolicy policy = resolved();
    policy.fields.max_spare_workers = most;
    set_policy(1, policy);
  }
  static constexpr std::uint32_t kLines = 8;
  SpareKeeper keeper_;
};

TEST_CASE("for each held worker one spare worker of its run loop runs") {
  TwoAndTwo t;
  t.keep();
  CHECK(t.running() == 0);
  t.hold(0);
  t.keep();
  CHECK(t.running() == 1);
  CHECK(t.service().spares_awake.size() == 1);
  t.hold(1);
  t.keep();
  t.keep();
  CHECK(t.running() == 2);
  CHECK(t.service().holds.spare_wakes == 2);
  CHECK(t.service().holds.spare_shortages == 0);
}

TEST_CASE("a spare worker stays for the linger after it was last needed, and not longer") {
  TwoAndTwo t;
  t.hold(0);
  t.keep();
  t.hold(0, false);
  t.pass(SpareKeeper::kLinger - 1ns);
  t.keep();
  CHECK(t.running() == 1);
  t.pass(1ns);
  t.keep();
  CHECK(t.running() == 0);
  CHECK(t.service().spares_awake.empty());
}

TEST_CASE("of two spare workers the idle one is parked first") {
  TwoAndTwo t;
  t.hold(0);
  t.hold(1);
  t.keep();
  t.hold(1, false);
  t.service().workers[2].current.valid = true;  // polls, and is not held
  t.pass(SpareKeeper::kLinger);
  t.keep();
  CHECK(t.runs(2));
  CHECK_FALSE(t.runs(3));
}

TEST_CASE(
    "a held spare worker is replaced by another, and with none left that is counted once a poll") {
  TwoAndTwo t;
  t.hold(0);
  t.keep();
  t.hold(2);
  t.keep();
  CHECK(t.running() == 2);
  t.hold(1);
  t.keep();
  t.keep();
  CHECK(t.running() == 2);
  CHECK(t.service().holds.spare_shortages == 1);
  t.hold(2);  // its next poll
  t.keep();
  CHECK(t.service().holds.spare_shortages == 2);
}

TEST_CASE("the policy bounds how many run: none, one, or as many as there are workers") {
  TwoAndTwo t;
  t.hold(0);
  t.hold(1);
  t.allow(0);
  t.keep();
  CHECK(t.running() == 0);
  t.allow(1);
  t.keep();
  CHECK(t.running() == 1);
  t.add(4, kSpare, kLoop);
  t.tick();
  t.hold(0);
  t.hold(1);
  t.hold(2);
  t.allow(policy::kAsManyAsWorkers);
  t.keep();
  CHECK(t.running() == 2);
  t.allow(3);
  t.keep();
  CHECK(t.running() == 3);
}

TEST_CASE("a worker of another run loop, of none, or of the isolation pool wakes nobody here") {
  TwoAndTwo t;
  t.add(4, PULSED_WORKER_ATTACHED, kLoop + 1);
  t.add(5, PULSED_WORKER_ATTACHED, 0);
  t.add(6, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION, kLoop);
  t.add(7, kSpare, 0);
  t.tick();
  for (std::uint32_t i = 4; i < 7; ++i) t.hold(i);
  t.keep();
  CHECK(t.running() == 0);
  CHECK(t.service().holds.spare_shortages ==
        1);  // of the other run loop, which has no spare worker
}

TEST_CASE("a spare worker whose thread has gone is parked, and another takes over") {
  TwoAndTwo t;
  t.hold(0);
  t.keep();
  REQUIRE(t.runs(2));
  t.s().lines[2].state = PULSED_WORKER_SPARE;  // detached
  t.tick();
  t.hold(0);
  t.keep();
  CHECK_FALSE(t.runs(2));
  t.keep();
  CHECK(t.runs(3));
}

TEST_CASE("a worker that goes over to another run loop is replaced there from then on") {
  TwoAndTwo t;
  t.add(4, kSpare, kLoop + 1);
  t.tick();
  t.hold(0);
  t.keep();
  REQUIRE(t.runs(2));
  t.s().lines[0].run_loop = kLoop + 1;
  t.tick();
  t.hold(0);
  t.keep();
  CHECK(t.runs(4));
  t.pass(SpareKeeper::kLinger);
  t.keep();
  CHECK_FALSE(t.runs(2));
}

TEST_CASE("a service that names a run loop a worker is bounded, and gets none beyond the bound") {
  AttachedByHand t(true, {256, 64, 1024, 64});
  for (std::uint32_t i = 0; i < 256; ++i) {
    t.add_worker(i, i % 2 == 0 ? PULSED_WORKER_ATTACHED : kSpare);
    t.s().lines[i].run_loop = i / 2 + 1;
  }
  t.tick();
  for (std::uint32_t i = 0; i < 256; i += 2) {
    t.service().workers[i].current.valid = true;
    t.service().workers[i].current.held = true;
    t.service().polling.push_back(i);
  }
  SpareKeeper keeper;
  keeper.keep(t.service(), t.now());
  CHECK(t.service().spares_awake.size() == SpareKeeper::kMostChangesATick);
  keeper.keep(t.service(), t.now());
  keeper.keep(t.service(), t.now());
  CHECK(t.service().spares_awake.size() == SpareKeeper::kMostRunLoops);
  CHECK(t.service().run_loops.size() == SpareKeeper::kMostRunLoops);
}

}  // namespace
}  // namespace pulsed
