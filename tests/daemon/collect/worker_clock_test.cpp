#include "daemon/collect/worker_clock.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/attached_by_hand.h"

namespace pulsed::collect {
namespace {

using namespace std::chrono_literals;
using test::AttachedByHand;

// Budgets are long, so that a test that is kept from its CPU still polls within half of one.
constexpr policy::Duration kBudget = 10s;
constexpr policy::Duration kShort = kBudget / 4;
constexpr policy::Duration kLasting = kBudget * 3 / 4;

const std::uint64_t kTask = AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL);

bool allowed() {
  if (clocks::RunClock(::gettid()).valid()) return true;
  MESSAGE("not run: no perf event may be opened here");
  return false;
}

// Workers that are this thread, watched by a daemon that may read its clock.
struct Watched : AttachedByHand {
  explicit Watched(std::uint32_t workers = 1)
      : AttachedByHand(true, {std::max(workers, 4U), 64, 1024, 64}) {
    add_class(1, "shop/render");
    for (std::uint32_t i = 0; i < workers; ++i) add_worker(i);
    look();
  }
  void look() {
    Collected collected;
    eyes.collect(sv, {now(), clock().now()}, collected);
  }
  void open(std::uint32_t worker, Collected& collected) {
    open_clock(sv, worker, Look{clock(), now(), clock().now(), true}, collected);
  }
  void open(std::uint32_t worker) {
    Collected collected;
    open(worker, collected);
  }
  // Of every worker.
  [[nodiscard]] std::optional<clocks::PeerThread> thread() const {
    return clocks::find_thread(::getpid(), static_cast<std::uint32_t>(::gettid()));
  }
  void look_at_poll(policy::Duration age) {
    sv.workers[0].looked_at_ticks = 0;  // it began after the last look
    begin_poll(0, kTask, age);
    look();
  }
  void end() {
    end_poll(0);
    look();
  }
  [[nodiscard]] bool is_open(std::uint32_t worker = 0) const {
    const bool listed = std::count(sv.timed.begin(), sv.timed.end(), worker) == 1;
    CHECK(listed == sv.workers[worker].clock.valid());
    return listed;
  }
  Service& sv = service();
  Collector eyes{clock(), true, [this](const Service&, const ClassView&) {
                   policy::ClassPolicy policy = resolved();
                   policy.fields.poll_budget = policy.fields.long_poll = kBudget;
                   return policy;
                 }};
};

TEST_CASE("a clock is opened for a poll of half its budget, and closed at its end") {
  if (!allowed()) return;
  Watched t;
  t.look_at_poll(kShort);
  CHECK_FALSE(t.is_open());
  t.end();
  t.look_at_poll(kLasting);
  CHECK(t.is_open());
  t.look();
  CHECK(t.is_open());
  t.end();
  CHECK_FALSE(t.is_open());
  CHECK_FALSE(t.sv.workers[0].reading.has_value());  // a next clock counts anew

  t.look_at_poll(kLasting);  // at once, its thread being known
  CHECK(t.is_open());
}

TEST_CASE("the clock of a suspect worker stays open for eleven seconds") {
  if (!allowed()) return;
  Watched t;
  t.look_at_poll(kLasting);
  suspect(t.sv.workers[0], t.now());
  t.end();
  CHECK(t.is_open());
  t.pass(kSuspect + kClockKept - 1ns);
  t.look();
  CHECK(t.is_open());
  t.pass(1ns);
  t.look();
  CHECK_FALSE(t.is_open());
}

TEST_CASE("what was burned by a clock that was closed is not reckoned by the next one") {
  if (!allowed()) return;
  Watched t;
  t.open(0);
  t.sv.workers[0].previous.valid = true;  // it paused for another
  t.sv.workers[0].previous.cpu_base = 5ms;
  t.sv.workers[0].previous.cpu = 700us;
  t.sv.workers[0].demotion.emplace();
  t.sv.workers[0].demotion->share_begun = true;
  close_clock(t.sv, 0);
  CHECK_FALSE(t.sv.workers[0].previous.cpu_base.has_value());
  CHECK(t.sv.workers[0].previous.cpu == 700us);
  CHECK_FALSE(t.sv.workers[0].demotion->share_begun);
}

TEST_CASE("a number that has become another thread's is not the worker's any more") {
  if (!allowed()) return;
  Watched t;
  t.look_at_poll(kLasting);
  t.end();
  REQUIRE(t.sv.workers[0].thread);
  ++t.sv.workers[0].thread->start_time;
  t.look_at_poll(kLasting);
  CHECK_FALSE(t.is_open());
  CHECK_FALSE(t.sv.workers[0].thread.has_value());
  t.look();
  CHECK_FALSE(t.is_open());
  t.pass(2s);  // then it is looked for again
  t.look();
  CHECK(t.is_open());
}

TEST_CASE("a service has four clocks opened in a tick, and all services sixteen") {
  if (!allowed()) return;
  constexpr std::uint32_t kWorkers = 20;
  Watched t(kWorkers);
  for (std::uint32_t i = 0; i < kWorkers; ++i) {
    t.sv.workers[i].thread = t.thread();
    t.begin_poll(i, kTask, kLasting);
  }
  t.look();
  CHECK(t.sv.timed.size() == 4);
  CHECK(t.sv.clocks_wanted.size() == kWorkers - 4);  // the shim is asked for those

  Collected of_one_tick;
  for (std::uint32_t i = 4; i < kWorkers; ++i) {
    t.sv.clocks_opened = 0;  // as if it were of another service
    t.open(i, of_one_tick);
  }
  CHECK(t.sv.timed.size() == kWorkers);
  close_clock(t.sv, 0);
  t.sv.clocks_opened = 0;
  t.open(0, of_one_tick);
  CHECK_FALSE(t.is_open(0));
  t.open(0);  // the next tick
  CHECK(t.is_open(0));
}

TEST_CASE("CPU clocks of workers at rest are read in turn, a bounded number in a tick") {
  if (!allowed()) return;
  constexpr std::uint32_t kClocks = 24;
  constexpr std::uint32_t kATick = 16;
  Watched t(kClocks);
  for (std::uint32_t i = 0; i < kClocks; ++i) {
    t.sv.workers[i].thread = t.thread();
    t.sv.clocks_opened = 0;
    t.open(i);
    suspect(t.sv.workers[i], t.now());
  }
  const auto read_now = [&] {
    return std::count_if(t.sv.workers.begin(), t.sv.workers.end(), [&](const WorkerView& worker) {
      return worker.reading && worker.reading->at == t.now();
    });
  };
  CHECK(read_now() == 0);
  t.pass(1ms);
  t.look();
  CHECK(read_now() == kATick);
  t.pass(1ms);
  t.look();
  CHECK(read_now() == kATick);
  for (const WorkerView& worker : t.sv.workers) CHECK(worker.reading.has_value());

  t.s().lines[3].state = PULSED_WORKER_FREE;
  t.look();
  CHECK_FALSE(t.is_open(3));
  CHECK(t.sv.timed.size() == kClocks - 1);
}

TEST_CASE(
    "the CPU clock of a worker that polls is read for polls of half their budget, or while it is "
    "suspect") {
  if (!allowed()) return;
  Watched t;
  t.sv.workers[0].thread = t.thread();
  t.open(0);
  t.sv.workers[0].clock_kept_until = policy::Time::max();
  const auto reads = [&](policy::Duration age) {
    const std::uint64_t before = t.sv.clock_reads;
    t.pass(1ms);
    t.look_at_poll(age);
    t.pass(1ms);
    t.end();
    return t.sv.clock_reads - before;
  };
  CHECK(reads(kShort) == 0);
  CHECK(reads(kLasting) == 1);
  CHECK(reads(kShort) == 0);

  t.sv.workers[0].suspect_until = t.now() + kSuspect;
  CHECK(reads(kShort) == 2);  // in the poll, and between it and the next
  t.pass(kSuspect);
  CHECK(reads(kShort) == 0);
}

}  // namespace
}  // namespace pulsed::collect
