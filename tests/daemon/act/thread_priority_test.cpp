#include "daemon/act/thread_priority.h"

#include <sched.h>

#include <doctest/doctest.h>

#include "daemon/act/priority_swap.h"
#include "tests/daemon/act/no_descriptors.h"
#include "tests/daemon/act/parked_thread.h"

namespace pulsed::test {
namespace {

using act::LowerPriority;
using act::SchedAttr;

constexpr std::uint64_t kReset = 1;
constexpr LowerPriority kNice13{false, 13};
constexpr LowerPriority kIdle{true, 0};

SchedAttr ordinary(int nice, std::uint32_t policy = SCHED_OTHER, std::uint64_t flags = 0) {
  return {.size = sizeof(SchedAttr), .policy = policy, .flags = flags, .nice = nice};
}

}  // namespace

TEST_CASE("Lowering changes the nice value or the policy, adds RESET_ON_FORK and keeps all else") {
  SchedAttr now = ordinary(-3, SCHED_BATCH);
  now.runtime = 700'000;
  now.util_min = 12;
  now.util_max = 900;
  SchedAttr expected = now;
  expected.flags = kReset;
  expected.nice = 13;
  CHECK(act::lowered(now, kNice13) == expected);
  expected.nice = -3;
  expected.policy = SCHED_IDLE;
  CHECK(act::lowered(now, kIdle) == expected);
}

TEST_CASE("A thread as low as asked, or at a priority of another kind, is not lowered") {
  CHECK_FALSE(act::lowered(ordinary(13), kNice13));
  CHECK_FALSE(act::lowered(ordinary(19), kNice13));
  CHECK(act::lowered(ordinary(19), kIdle));
  for (const std::uint32_t policy : {SCHED_FIFO, SCHED_RR, SCHED_IDLE, 6 /* DEADLINE */, 7}) {
    CHECK_FALSE(act::lowered(ordinary(0, policy), kNice13));
    CHECK_FALSE(act::lowered(ordinary(0, policy), kIdle));
  }
}

TEST_CASE("What a thread hands on to its children is its priority, or what RESET_ON_FORK leaves") {
  CHECK(act::handed_on(ordinary(5)) == ordinary(5));
  CHECK(act::handed_on(ordinary(-5)) == ordinary(-5));
  CHECK(act::handed_on(ordinary(-5, SCHED_OTHER, kReset)) == ordinary(0));
  CHECK(act::handed_on(ordinary(5, SCHED_BATCH, kReset)) == ordinary(5, SCHED_BATCH));
}

TEST_CASE("Only what lowering could have made is plausible") {
  const SchedAttr before = ordinary(0);
  CHECK(act::plausible(before, *act::lowered(before, kNice13)));
  CHECK(act::plausible(before, *act::lowered(before, kIdle)));
  CHECK_FALSE(act::plausible(before, before));
  CHECK_FALSE(act::plausible(before, ordinary(13)));
  CHECK_FALSE(act::plausible(ordinary(0, SCHED_FIFO), ordinary(13, SCHED_OTHER, kReset)));
  CHECK_FALSE(act::plausible(before, ordinary(13, SCHED_FIFO, kReset)));
  CHECK_FALSE(act::plausible(ordinary(-21), ordinary(13, SCHED_OTHER, kReset)));
  CHECK_FALSE(act::plausible(before, ordinary(20, SCHED_OTHER, kReset)));
}

TEST_CASE("A thread comes back to exactly the priority that it had") {
  if (!act::may_set_priorities()) {
    MESSAGE("skipped: needs CAP_SYS_NICE");
    return;
  }
  for (const SchedAttr& own : {ordinary(0), ordinary(-7), ordinary(4), ordinary(0, SCHED_BATCH),
                               ordinary(-2, SCHED_OTHER, kReset)}) {
    for (const LowerPriority& to : {kNice13, kIdle}) {
      const ParkedThread thread;
      thread.set(own);
      const SchedAttr before = thread.priority();
      CHECK(act::same_priority(before, own));
      const SchedAttr low = *act::lowered(before, to);
      CHECK(act::swap_priority(thread.peer(), before, low) == act::Swap::kDone);
      CHECK(thread.priority() == low);
      CHECK(act::swap_priority(thread.peer(), before, low) == act::Swap::kNotOurs);
      CHECK(act::swap_priority(thread.peer(), low, before) == act::Swap::kDone);
      CHECK(thread.priority() == before);
    }
  }
}

TEST_CASE("A thread that has gone has no priority to swap") {
  ParkedThread thread;
  const SchedAttr own = thread.priority();
  thread.end();
  // It is joined a moment before the kernel lets go of it; the test's deadline is the bound.
  while (act::identify(thread.peer()) != act::Identity::kGone) ::sched_yield();
  CHECK(act::swap_priority(thread.peer(), own, own) == act::Swap::kNotOurs);
}

TEST_CASE("A thread that cannot be looked at for want of descriptors is not taken for gone") {
  if (!act::may_set_priorities()) return;
  const ParkedThread thread;
  const SchedAttr own = thread.priority();
  const SchedAttr low = *act::lowered(own, kNice13);
  thread.set(low);
  {
    const NoDescriptors none;
    CHECK(act::identify(thread.peer()) == act::Identity::kUnknown);
    CHECK(act::swap_priority(thread.peer(), low, own) == act::Swap::kFailed);
  }
  CHECK(thread.priority() == low);
  CHECK(act::swap_priority(thread.peer(), low, own) == act::Swap::kDone);
}

TEST_CASE("A stranger that took the number is given back only what it was given by mistake") {
  if (!act::may_set_priorities()) return;
  const ParkedThread thread;
  const SchedAttr before = thread.priority();
  const SchedAttr low = *act::lowered(before, kNice13);
  thread.set(low);
  act::give_back_to_stranger(thread.peer().tid, low, before);
  CHECK(thread.priority() == before);
  SchedAttr real_time = ordinary(0, SCHED_FIFO);
  real_time.priority = 1;
  thread.set(real_time);
  act::give_back_to_stranger(thread.peer().tid, low, before);
  CHECK(thread.priority().policy == SCHED_FIFO);
}

}  // namespace pulsed::test
