#include "daemon/act/demoter.h"

#include <doctest/doctest.h>

#include "tests/daemon/act/no_descriptors.h"
#include "tests/daemon/act/played_daemon.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

using act::Demoter;
using act::DemotionLedger;
using act::Guardian;

constexpr act::LowerPriority kLow = PlayedDaemon::kLow;

// As the control loop is: a daemon kept from running for kStale is taken for a stopped one.
struct AtRealTime {
  AtRealTime() { set(SCHED_FIFO | SCHED_RESET_ON_FORK, 1); }
  ~AtRealTime() { set(SCHED_OTHER, 0); }
  static void set(int policy, int priority) {
    const sched_param parameters{.sched_priority = priority};
    ::sched_setscheduler(0, policy, &parameters);
  }
};

struct Scene {
  TempDir dir;
  PlayedService service;
  DemotionLedger ledger{dir.path() + "/demotions"};
  Guardian guardian{ledger};
  Demoter demoter{&ledger, &guardian};
  AtRealTime at_real_time;

  [[nodiscard]] act::SchedAttr now(std::size_t i) const {
    return *act::read_priority(service.thread(i).tid);
  }
};

bool always() { return true; }

}  // namespace

TEST_CASE("A demoted thread is lowered until it is restored, and boosted in between") {
  if (!may_raise()) return;
  Scene s;
  REQUIRE(s.demoter.usable());
  int asked = 0;
  int announced = 0;
  const act::SchedAttr own = s.now(1);
  const auto announce = [&](const act::SchedAttr& told) {
    ++announced;
    CHECK(asked == 0);
    CHECK(told == own);
  };
  const auto id = s.demoter.demote(s.service.thread(1), kLow, announce, [&] {
    CHECK((s.now(1).nice == 13) == (asked == 1));
    ++asked;
    return true;
  });
  REQUIRE(id);
  CHECK(asked == 2);
  CHECK(announced == 1);
  CHECK(s.now(1).nice == 13);
  CHECK(s.demoter.boost(*id));
  CHECK(s.service.at_own_priority(1));
  CHECK_FALSE(s.demoter.boost(*id));
  CHECK(s.demoter.lower_again(*id, always));
  CHECK(s.now(1).nice == 13);
  CHECK(s.demoter.restore(*id));
  CHECK(s.service.at_own_priority(1));
  CHECK_FALSE(s.demoter.lower_again(*id, always));
  CHECK(s.service.at_own_priority(1));
  CHECK(wait_until([&] { return s.ledger.held() == 0; }));
}

TEST_CASE("A demotion that is not wanted any more, before or after, leaves all as it was") {
  if (!may_raise()) return;
  Scene s;
  for (const int refused : {0, 1}) {
    int asked = 0;
    CHECK_FALSE(s.demoter.demote(s.service.thread(0), kLow, kUnannounced,
                                 [&] { return asked++ != refused; }));
    CHECK(asked == refused + 1);
    CHECK(s.service.at_own_priority(0));
  }
  CHECK(wait_until([&] { return s.ledger.held() == 0; }));
}

TEST_CASE("A thread is not lowered again if that is not wanted any more, before or after") {
  if (!may_raise()) return;
  Scene s;
  const auto id = s.demoter.demote(s.service.thread(0), kLow, kUnannounced, always);
  REQUIRE(id);
  REQUIRE(s.demoter.boost(*id));
  for (const int refused : {0, 1}) {
    int asked = 0;
    CHECK_FALSE(s.demoter.lower_again(*id, [&] { return asked++ != refused; }));
    CHECK(asked == refused + 1);
    CHECK(s.service.at_own_priority(0));
  }
  CHECK(s.demoter.lower_again(*id, always));
}

TEST_CASE("A thread that could not be put back for want of descriptors is, when asked again") {
  if (!may_raise()) return;
  Scene s;
  const auto id = s.demoter.demote(s.service.thread(0), kLow, kUnannounced, always);
  REQUIRE(id);
  {
    const NoDescriptors none;
    CHECK_FALSE(s.demoter.restore(*id));
  }
  CHECK_FALSE(s.service.at_own_priority(0));
  CHECK(s.demoter.restore(*id));
  CHECK(s.service.at_own_priority(0));
}

TEST_CASE("What is lowered, unwanted and cannot be put back is said to be lowered") {
  if (!may_raise()) return;
  Scene s;
  std::optional<NoDescriptors> none;
  int asked = 0;
  const auto refused_later = [&] {
    if (++asked == 1) return true;
    none.emplace();
    return false;
  };
  const auto id = s.demoter.demote(s.service.thread(0), kLow, kUnannounced, refused_later);
  none.reset();
  REQUIRE(id);
  REQUIRE(s.demoter.boost(*id));
  asked = 0;
  CHECK(s.demoter.lower_again(*id, refused_later));
  none.reset();
  CHECK(s.demoter.restore(*id));
  CHECK(s.service.at_own_priority(0));
}

TEST_CASE("The guardian puts back what is left to it, while the daemon goes on") {
  if (!may_raise()) return;
  Scene s;
  const auto id = s.demoter.demote(s.service.thread(0), kLow, kUnannounced, always);
  REQUIRE(id);
  s.demoter.leave(*id);
  CHECK(wait_until([&] {
    s.demoter.beat(monotonic_ns());
    return s.service.at_own_priority(0);
  }));
  CHECK(s.demoter.undone_by_guardian() == 0);
  CHECK(wait_until([&] { return s.ledger.held() == 0; }));
}

TEST_CASE("A thread that is another by now, or low already, is not demoted") {
  if (!may_raise()) return;
  Scene s;
  const auto never = [] {
    FAIL("asked");
    return true;
  };
  clocks::PeerThread other = s.service.thread(0);
  other.start_time += 1;
  CHECK_FALSE(s.demoter.demote(other, kLow, kUnannounced, never));
  other = s.service.thread(0);
  other.pid = ::getpid();
  CHECK_FALSE(s.demoter.demote(other, kLow, kUnannounced, never));
  CHECK_FALSE(s.demoter.demote(s.service.thread(5), {false, 12}, kUnannounced, never));
  CHECK(s.service.all_at_own_priority());
  CHECK(s.ledger.held() == 0);
}

TEST_CASE("Without a guardian nothing is demoted") {
  const TempDir dir;
  PlayedService service;
  DemotionLedger ledger(dir.path() + "/demotions");
  Demoter demoter(&ledger, nullptr);
  CHECK_FALSE(demoter.usable());
  CHECK_FALSE(demoter.demote(service.thread(0), kLow, kUnannounced, [] { return true; }));
}

TEST_CASE("When the guardian dies all comes back, and nothing is demoted any more") {
  if (!may_raise()) return;
  Scene s;
  const auto id = s.demoter.demote(s.service.thread(0), kLow, kUnannounced, [] { return true; });
  REQUIRE(id);
  ::kill(s.guardian.pid(), SIGKILL);
  REQUIRE(wait_until([&] {
    s.demoter.beat(monotonic_ns());
    return !s.demoter.usable();
  }));
  CHECK(s.service.all_at_own_priority());
  CHECK_FALSE(s.demoter.boost(*id));
  CHECK(s.demoter.restore(*id));
  CHECK_FALSE(s.demoter.demote(s.service.thread(0), kLow, kUnannounced, [] { return true; }));
  CHECK(s.service.all_at_own_priority());
}

}  // namespace pulsed::test
