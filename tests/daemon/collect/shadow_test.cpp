#include "daemon/collect/shadow.h"

#include <doctest/doctest.h>

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
  CHECK(would_be.spare_wakes == 3);
  CHECK(enforced.sv.holds.spare_wakes > 0);
  CHECK(enforced.sv.classes[1].would_be == WouldBe{});
  CHECK(shadowed.sv.directives.counts().yield == 0);
  CHECK(shadowed.sv.holds.demotions == 0);
  CHECK(shadowed.sv.holds.spare_wakes == 0);
  CHECK(shadowed.d().workers[kOrdinary].yield_start == 0);
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
