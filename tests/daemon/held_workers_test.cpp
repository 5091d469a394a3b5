#include "daemon/held_workers.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include <doctest/doctest.h>

#include "tests/daemon/act/parked_thread.h"
#include "tests/support/attached_by_hand.h"
#include "tests/support/temp_dir.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using policy::Enforcement;
using test::AttachedByHand;

constexpr int kOwnNice = 0;
constexpr int kLowNice = 13;

// Line 0 is an ordinary worker, line 1 of the isolation pool; both say they are the same real thread, whose priority is
// looked at.
struct OneThread : AttachedByHand {
  explicit OneThread(std::uint16_t abi_minor = PULSED_ABI_MINOR) {
    service().peer.abi_minor = abi_minor;
    add_class(1, "shop/render");
    add_worker(0);
    add_worker(1, PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION);
    for (std::uint32_t i = 0; i < 2; ++i)
      s().lines[i].tid = static_cast<std::uint32_t>(thread.peer().tid);
    tick();
  }
  // A poll that burned all of its age, seen so.
  std::uint64_t burn(std::uint32_t worker, policy::Duration age) {
    service().workers[worker].looked_at_ticks = 0;
    const std::uint64_t start = begin_poll(worker, ref(20, 1, 1, PULSED_KIND_POLL), age);
    tick();
    service().workers[worker].current.cpu_base = 0ns;
    burned(worker, age);
    return start;
  }
  void burned(std::uint32_t worker, policy::Duration cpu) {
    say_cpu(worker, cpu);
    tick();
  }
  // The thread stands still, and is said to want a CPU.
  void answer_runnable() {
    for (auto& worker : service().workers) worker.current.blame = policy::Blame::kRunnable;
    answer();
  }
  void answer() { held.answer(service(), now()); }
  [[nodiscard]] int nice() const { return act::read_priority(thread.peer().tid)->nice; }

  test::TempDir dir;
  act::DemotionLedger ledger{dir.path() + "/demotions"};
  act::Guardian guardian{ledger};
  test::ParkedThread thread;
  act::Demoter demoter{&ledger, &guardian};
  EventLog events;
  Reporter reporter{events};
  HeldWorkers held{demoter, clock(), reporter};
};

// This thread may raise no priority meanwhile.
class WithoutTheRight {
 public:
  WithoutTheRight() {
    ::syscall(SYS_capget, &header_, had_.data());
    auto less = had_;
    less[0].effective &= ~(1U << CAP_SYS_NICE);
    ::syscall(SYS_capset, &header_, less.data());
  }
  ~WithoutTheRight() { ::syscall(SYS_capset, &header_, had_.data()); }
  WithoutTheRight(const WithoutTheRight&) = delete;
  WithoutTheRight& operator=(const WithoutTheRight&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> had_{};
};

}  // namespace

TEST_CASE("the thread of a poll that burned over its budget is lowered until the poll ends") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  const std::uint64_t start = t.burn(0, 2ms);
  t.answer();
  CHECK(t.nice() == kLowNice);
  CHECK(t.held.demoted() == 1);
  CHECK(t.d().workers[0].demoted_start == start);
  CHECK(t.d().workers[0].own_nice == kOwnNice);
  const std::uint32_t restored = t.d().workers[0].restored;
  t.end_poll(0);
  t.tick();
  t.answer();
  CHECK(t.nice() == kOwnNice);
  CHECK(t.held.demoted() == 0);
  CHECK(t.d().workers[0].demoted_start == 0);
  CHECK(t.d().workers[0].restored == restored + 1);
  CHECK(t.service().holds.demotions == 1);
  CHECK(t.service().holds.demotions_refused == 0);
}

TEST_CASE("a poll that ended since it was looked at is not answered by lowering the next one") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  t.burn(0, 2ms);
  t.begin_poll(0, AttachedByHand::ref(21, 1, 1, PULSED_KIND_POLL), 1us);
  t.answer();
  CHECK(t.nice() == kOwnNice);
  CHECK(t.d().workers[0].demoted_start == 0);
  CHECK(t.service().holds.demotions == 0);
  CHECK(t.service().holds.demotions_refused == 0);
}

TEST_CASE("time at a lower priority is counted, also where the system will not give it back") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  t.burn(0, 2ms);
  t.answer();
  REQUIRE(t.held.demoted() == 1);
  t.pass(5s);
  {
    const WithoutTheRight here;
    t.held.release(t.service(), t.now());
  }
  CHECK(t.nice() == kLowNice);
  CHECK(t.held.demoted() == 0);
  CHECK(t.service().holds.demoted == 5s);
}

TEST_CASE("observe and shadow report a held worker and touch nothing") {
  if (!act::may_set_priorities()) return;
  for (const Enforcement e : {Enforcement::kObserve, Enforcement::kShadow}) {
    OneThread t;
    t.set_enforcement(1, e);
    t.burn(0, 2ms);
    t.answer();
    CHECK(t.nice() == kOwnNice);
    CHECK(t.d().workers[0].demoted_start == 0);
    CHECK(t.service().holds.held_polls[static_cast<std::size_t>(policy::Blame::kBurning)] == 1);
  }
}

TEST_CASE("a worker of a shim that does not wait at the end of a poll is never lowered") {
  if (!act::may_set_priorities()) return;
  OneThread t(0);
  t.burn(0, 2ms);
  t.answer();
  CHECK(t.nice() == kOwnNice);
  CHECK(t.service().holds.demotions == 0);
}

TEST_CASE(
    "a thread of the isolation pool stays lowered between its polls and is put back on release") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  t.burn(1, 2ms);
  t.answer();
  CHECK(t.nice() == kLowNice);
  CHECK(t.d().workers[1].demoted_start == 0);  // its worker waits for nothing
  t.end_poll(1);
  t.tick();
  t.answer();
  CHECK(t.nice() == kLowNice);
  t.held.release(t.service(), t.now());
  CHECK(t.nice() == kOwnNice);
  CHECK(t.held.demoted() == 0);
}

TEST_CASE("the isolation pool is lowered also where the policy lowers no worker") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  policy::ClassPolicy policy = t.resolved();
  policy.fields.demote_to = {policy::OsPriority::Kind::kUnchanged, 0};
  t.set_policy(1, policy);
  t.burn(0, 2ms);
  t.answer();
  CHECK(t.nice() == kOwnNice);
  t.end_poll(0);
  t.burn(1, 2ms);
  t.answer();
  CHECK(t.nice() == kLowNice);
}

TEST_CASE("a demoted thread that gets less than its share is raised until it had it") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  t.burn(0, 2ms);
  t.answer();
  REQUIRE(t.nice() == kLowNice);
  t.answer_runnable();  // from here on its share is reckoned
  t.pass(19ms);
  t.burned(0, 2ms);
  t.answer_runnable();
  CHECK(t.nice() == kLowNice);  // not for so short a time
  t.pass(1ms);
  t.burned(0, 2ms);
  t.answer_runnable();
  CHECK(t.nice() == kOwnNice);
  CHECK(t.service().holds.boosts == 1);
  CHECK(t.held.demoted() == 1);
  t.pass(1ms);
  t.burned(0, 3ms);  // 1 ms of 21: more than 2 %
  t.answer_runnable();
  CHECK(t.nice() == kLowNice);
}

TEST_CASE("the time between two polls is no part of a thread's share") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  t.burn(1, 2ms);
  t.answer();
  t.answer_runnable();
  t.end_poll(1);
  t.tick();
  t.answer();
  t.pass(2s);
  t.burn(1, 2ms);
  t.answer_runnable();
  CHECK(t.nice() == kLowNice);
  CHECK(t.service().holds.boosts == 0);
}

TEST_CASE("what the policy no longer lowers is put back, and demoted anew if it is to be") {
  if (!act::may_set_priorities()) return;
  OneThread t;
  const std::uint64_t start = t.burn(0, 2ms);
  t.answer();
  t.held.restore_threads(t.service(), t.now());
  CHECK(t.nice() == kOwnNice);
  CHECK(t.d().workers[0].demoted_start == 0);
  t.answer();
  CHECK(t.nice() == kLowNice);
  CHECK(t.d().workers[0].demoted_start == start);
}

}  // namespace pulsed
