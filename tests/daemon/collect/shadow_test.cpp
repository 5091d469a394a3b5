#include "daemon/collect/shadow.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "daemon/held_workers.h"
#include "tests/daemon/act/parked_thread.h"
#include "tests/support/attached_by_hand.h"
#include "tests/support/temp_dir.h"

namespace pulsed::collect {
namespace {

using namespace std::chrono_literals;
using policy::Enforcement;
using test::AttachedByHand;

constexpr std::uint32_t kOrdinary = 0;
constexpr std::uint32_t kSpare = 1;
constexpr std::uint32_t kIsolation = 2;
constexpr std::uint32_t kRunLoop = 1;

// A service of one class, its run loop served by an ordinary worker and, if woken, a spare one; with an isolation pool. The
// test plays its shim: it polls where the directives say.
struct Played : AttachedByHand {
  explicit Played(bool enforce) : AttachedByHand(enforce, {4, 64, 1024, 64}) {
    add_class(1, "shop/render");
    add_worker(kOrdinary);
    add_worker(kSpare, PULSED_WORKER_ATTACHED | PULSED_WORKER_SPARE);
    add_worker(kIsolation, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
    s().lines[kOrdinary].run_loop = s().lines[kSpare].run_loop = kRunLoop;
    s().lines[kOrdinary].tid = static_cast<std::uint32_t>(worker_thread.peer().tid);
    s().lines[kIsolation].tid = static_cast<std::uint32_t>(pool_thread.peer().tid);
    turn();
  }

  void turn() {
    tick();
    for (const policy::TierChange& change : sv.tiers.changes()) {
      if (change.task.slot != policy::kNoSlot)
        sv.directives.set_task(change.task, change.cls, change.to);
    }
    sv.tiers.clear_changes();
    held.answer(sv, now());
  }

  // A poll of the task that burns all of `cpu`, seen at `looks` moments of it, and ends.
  void poll(std::uint32_t slot, policy::Duration cpu, int looks = 2) {
    const bool isolated = (d().tasks[slot] & PULSED_DIRECTIVE_ISOLATE) != 0;
    const std::uint32_t worker = isolated ? kIsolation : kOrdinary;
    const std::uint64_t task = ref(slot, 1, 1, PULSED_KIND_POLL);
    set_identity(task);
    for (int look = 1; look <= looks; ++look) {
      sv.workers[worker].looked_at_ticks = 0;
      if (look == 1) begin_poll(worker, task, cpu);
      turn();
      sv.workers[worker].current.cpu_base = 0ns;
      say_cpu(worker, cpu * look / looks);
      turn();
    }
    if (isolated) ++isolated_polls;
    end_poll(worker);
    // Longer on the clock than it can have been seen to run, on however slow a machine; its CPU time is known.
    const std::uint64_t cpu_units = clock().to_ticks(cpu) / PULSED_SPAN_CPU_UNIT;
    push(worker, task | PULSED_FLAG_CPU_MEASURED,
         clock().to_ticks(100s) | cpu_units << PULSED_SPAN_CPU_SHIFT);
    turn();
    pass(10ms);
  }

  void play() {
    poll(20, 500us);     // within its budget
    poll(20, 1100us);    // over it
    poll(20, 6ms);       // an emergency: yields, demoted, a spare worker; isolated from here on
    poll(20, 1100us);    // on the pool: over its budget, and left alone
    poll(20, 12ms);      // ... for longer than a turn there
    poll(20, 100us, 0);  // never seen in flight
    poll(21, 2ms);       // another task, at Monitor
  }

  test::ParkedThread worker_thread;
  test::ParkedThread pool_thread;
  test::TempDir dir;
  act::DemotionLedger ledger{dir.path() + "/demotions"};
  act::Guardian guardian{ledger};
  act::Demoter demoter{&ledger, &guardian};
  EventLog events;
  Reporter reporter{events};
  HeldWorkers held{demoter, clock(), reporter};
  Service& sv = service();
  std::uint64_t isolated_polls = 0;
};

TEST_CASE("shadow counts just what enforce does, and does nothing") {
  if (!act::may_set_priorities()) return;
  Played enforced(true);
  Played shadowed(false);
  enforced.play();
  shadowed.play();
  const WouldBe& would_be = shadowed.sv.classes[1].would_be;
  CHECK(would_be.yields == enforced.sv.directives.counts().yield);
  CHECK(would_be.yields == 2);
  CHECK(would_be.isolated_polls == enforced.isolated_polls);
  CHECK(would_be.isolated_polls == 3);
  CHECK(would_be.demotions == enforced.sv.classes[1].demotions);
  CHECK(would_be.demotions == 3);
  CHECK(would_be.spare_wakes == enforced.sv.holds.spare_wakes);
  CHECK(would_be.spare_wakes == 2);
  CHECK(enforced.sv.classes[1].would_be == WouldBe{});
  CHECK(shadowed.sv.directives.counts().yield == 0);
  CHECK(shadowed.sv.holds.demotions == 0);
  CHECK(shadowed.sv.holds.spare_wakes == 0);
  CHECK(shadowed.d().workers[kOrdinary].yield_start == 0);
}

// Four workers of a run loop and some spare ones, their polls all held at once, again and again.
struct Crew : AttachedByHand {
  static constexpr std::uint32_t kWorkers = 4;

  Crew(bool enforce, std::uint32_t spares, std::uint32_t most)
      : AttachedByHand(enforce, {8, 64, 1024, 64}) {
    add_class(1, "shop/render");
    for (std::uint32_t i = 0; i < kWorkers + spares; ++i) {
      add_worker(i, PULSED_WORKER_ATTACHED | (i < kWorkers ? 0U : PULSED_WORKER_SPARE));
      s().lines[i].run_loop = kRunLoop;
    }
    turn();
    policy::ClassPolicy policy = resolved();
    policy.fields.max_spare_workers = most;
    set_policy(1, policy);
  }
  void turn() {
    tick();
    held.answer(service(), now());
    pass(1ms);
  }
  void play() {
    for (const int rest : {1, 1, 10, 3, 20}) {
      for (std::uint32_t i = 0; i < kWorkers; ++i)
        begin_poll(i, ref(20 + i, 1, 1, PULSED_KIND_POLL), 3ms);
      turn();
      end_poll(0);  // before the others
      turn();
      for (std::uint32_t i = 1; i < kWorkers; ++i) end_poll(i);
      for (int n = 0; n < rest; ++n) turn();
    }
  }

  act::Demoter demoter{nullptr, nullptr};
  EventLog events;
  Reporter reporter{events};
  HeldWorkers held{demoter, clock(), reporter};
};

TEST_CASE("shadow counts the spare workers that enforce wakes, however few there are") {
  for (const std::uint32_t spares : {0U, 1U, 3U, 4U}) {
    for (const std::uint32_t most : {0U, 2U, policy::kAsManyAsWorkers}) {
      CAPTURE(spares);
      CAPTURE(most);
      Crew enforced(true, spares, most);
      Crew shadowed(false, spares, most);
      enforced.play();
      shadowed.play();
      const std::uint64_t woken = enforced.service().holds.spare_wakes;
      CHECK((woken == 0) == (std::min(spares, most) == 0));
      CHECK(shadowed.service().classes[1].would_be.spare_wakes == woken);
      CHECK(shadowed.service().holds.spare_wakes == 0);
    }
  }
}

TEST_CASE("the CPU time of every poll that something would be done about counts once") {
  if (!act::may_set_priorities()) return;
  Played t(false);
  t.play();
  const auto counted = std::chrono::nanoseconds(t.sv.classes[1].would_be.cpu_ns);
  const policy::Duration covered = 1100us + 6ms + 1100us + 12ms + 100us + 2ms;
  CHECK(counted >= covered - 10us);  // of a sample in units of some hundred ns
  CHECK(counted <= covered);
}

TEST_CASE("CPU time that is proven in flight counts though the poll's sample is lost") {
  Played t(false);
  t.poll(20, 6ms);
  const std::uint64_t before = t.sv.classes[1].would_be.cpu_ns;
  t.sv.workers[kOrdinary].looked_at_ticks = 0;
  t.begin_poll(kOrdinary, AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL), 4ms);
  t.turn();
  t.sv.workers[kOrdinary].current.cpu_base = 0ns;
  t.say_cpu(kOrdinary, 4ms);
  t.turn();
  t.turn();
  t.end_poll(kOrdinary);
  t.turn();
  CHECK(t.sv.classes[1].would_be.cpu_ns - before == 4'000'000);
}

TEST_CASE("what may not migrate would not be isolated, and would be asked to yield instead") {
  Played t(false);
  policy::ClassPolicy policy = t.resolved();
  policy.may_migrate = false;
  t.set_policy(1, policy);
  t.poll(20, 6ms);
  REQUIRE(t.sv.tiers.tier({20, 1}) == policy::Tier::kIsolate);
  t.poll(20, 1100us);
  t.poll(20, 100us, 0);
  CHECK(t.sv.classes[1].would_be.isolated_polls == 0);
  CHECK(t.sv.classes[1].would_be.yields == 2);
}

TEST_CASE("observe counts nothing that would be") {
  Played t(false);
  policy::ClassPolicy policy = t.resolved();
  policy.enforcement = Enforcement::kObserve;
  policy.fields.max_tier = policy::Tier::kMonitor;
  t.set_policy(1, policy);
  t.play();
  CHECK(t.sv.classes[1].would_be == WouldBe{});
  CHECK(t.sv.tiers.violations(policy::ClassId{1}) > 0);
}

TEST_CASE("a class without a slot for its tasks would run on the pool once it stands at Isolate") {
  Played t(false);
  policy::ClassPolicy policy = t.resolved();
  policy.pinned = policy::Tier::kIsolate;
  t.set_policy(1, policy);
  t.push(kOrdinary, AttachedByHand::ref(0, 0, 1, PULSED_KIND_POLL) | PULSED_FLAG_CPU_EXACT,
         t.clock().to_ticks(100us));
  t.turn();
  CHECK(t.sv.classes[1].would_be.isolated_polls == 1);
}

}  // namespace
}  // namespace pulsed::collect
