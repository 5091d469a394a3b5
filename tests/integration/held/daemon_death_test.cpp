// The daemon is killed, stopped or ended while threads of a service are lowered: each gets its own priority back.
#include <csignal>
#include <random>
#include <thread>

#include <doctest/doctest.h>

#include "daemon/act/guardian.h"
#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

// Demotions come and go on one worker, another is held for good, and light polls look at their threads meanwhile.
void load(HeldService& shop) {
  shop.light(500);
  shop.endless("endless");
  shop.burn_chains("chain", 2, 1'500, 12'000);
}

bool ended(pid_t guardian) {
  return wait_until([&] { return has_ended(guardian); });
}

}  // namespace

TEST_CASE("When the daemon or its whole process group is killed every thread is soon as it was") {
  DaemonProcess daemon({.policy = hold_policy(), .own_group = true});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  load(shop);
  std::minstd_rand random(1);
  std::vector<double> back;
  const int rounds = trials(20, 200);
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    const pid_t guardian = guardian_of(daemon.process().pid());
    REQUIRE(guardian != 0);
    REQUIRE(wait_until([&] { return someone_is_lowered(watch); }));
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 20'000});
    const bool group = round % 2 == 1;
    group ? daemon.process().signal_group(SIGKILL) : daemon.process().signal(SIGKILL);
    const std::optional<double> after = back_after_ms(watch);
    REQUIRE(after);
    back.push_back(*after);
    CHECK(*after < 100 * slowness());
    CHECK(ended(guardian));
    CHECK(watch.changed().empty());
    daemon.process().kill();
    daemon.start();
    REQUIRE(shop.wait_attached());
  }
  MESSAGE("every thread was back " << Distribution(back) << " after the kill, in " << rounds
                                   << " rounds");
  shop.end();
  CHECK(back_after_ms(watch));
  CHECK(shop.light_lowered() == 0);
}

TEST_CASE("When the daemon stands still its guardian puts every thread back") {
  DaemonProcess daemon({.policy = hold_policy()});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  shop.light(500);
  shop.endless("endless", 2);
  std::vector<double> back;
  for (int round = 0; round < trials(3, 30); ++round) {
    CAPTURE(round);
    REQUIRE(wait_until([&] { return watch.changed().size() == 2; }));
    daemon.process().signal(SIGSTOP);
    const Clock::time_point stopped = Clock::now();
    const std::optional<double> after = back_after_ms(watch);
    REQUIRE(after);
    back.push_back(*after);
    const auto most = std::chrono::duration<double, std::milli>(act::Guardian::kStale) +
                      milliseconds{100} * slowness();
    CHECK(*after < most.count());
    // Within its lease, and beyond it: either way it takes up where it was, or anew.
    const milliseconds pause{round % 2 == 0 ? 500 : 1500};
    REQUIRE(wait_until([&] { return Clock::now() - stopped > pause; }));
    CHECK(watch.changed().empty());
    daemon.process().signal(SIGCONT);
    if (pause < milliseconds{1000}) {
      // It goes on taking them for lowered, until their polls end.
      shop.end();
      CHECK(wait_until([&] { return daemon.sum("pulsed_demoted_threads") == 0; }));
      CHECK(back_after_ms(watch));
      shop.endless("endless", 2);
    }
  }
  MESSAGE("every thread was back " << Distribution(back) << " after the daemon was stopped");
  CHECK(daemon.sum("pulsed_demotions_undone_by_guardian_total") ==
        2 * static_cast<double>(back.size()));
  shop.end();
  CHECK(back_after_ms(watch));
  CHECK(shop.light_lowered() == 0);
}

TEST_CASE("Polls that end while the daemon stands still leave no lowered thread to light ones") {
  DaemonProcess daemon({.policy = hold_policy()});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  shop.light(500);
  for (int round = 0; round < trials(5, 50); ++round) {
    CAPTURE(round);
    shop.endless("endless", 2);
    REQUIRE(wait_until([&] { return watch.changed().size() == 2; }));
    daemon.process().signal(SIGSTOP);
    shop.end();
    CHECK(back_after_ms(watch));
    daemon.process().signal(SIGCONT);
    REQUIRE(wait_until([&] { return daemon.sum("pulsed_demoted_threads") == 0; }));
  }
  CHECK(shop.light_lowered() == 0);
}

TEST_CASE("A daemon ended by SIGTERM puts every thread back first and takes its guardian along") {
  DaemonProcess daemon({.policy = hold_policy(), .own_group = true});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  load(shop);
  for (int round = 0; round < trials(4, 20); ++round) {
    CAPTURE(round);
    const pid_t guardian = guardian_of(daemon.process().pid());
    REQUIRE(wait_until([&] { return someone_is_lowered(watch); }));
    // To the whole group, as a service manager would.
    daemon.process().signal_group(SIGTERM);
    CHECK(daemon.process().wait_end() == Ended{});
    CHECK(watch.changed().empty());
    CHECK(ended(guardian));
    CHECK(act::DemotionLedger(daemon.run_dir() + "/demotions").held() == 0);
    daemon.start();
    REQUIRE(shop.wait_attached());
  }
  shop.end();
  CHECK(back_after_ms(watch));
  CHECK(shop.light_lowered() == 0);
}

TEST_CASE("What a daemon and its guardian left behind the next daemon puts back and says so") {
  DaemonProcess daemon({.policy = hold_policy()});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  const PriorityWatch watch(shop.pid());
  for (int round = 0; round < trials(2, 20); ++round) {
    CAPTURE(round);
    REQUIRE(shop.wait_attached());
    shop.endless("endless", 2);
    REQUIRE(wait_until([&] { return watch.changed().size() == 2; }));
    const pid_t guardian = guardian_of(daemon.process().pid());
    REQUIRE(guardian != 0);
    // Stopped first, so that neither sees the other's end.
    REQUIRE(::kill(guardian, SIGSTOP) == 0);
    daemon.process().kill();
    REQUIRE(::kill(guardian, SIGKILL) == 0);
    REQUIRE(ended(guardian));
    CHECK(watch.changed().size() == 2);
    shop.end();
    CHECK(watch.changed().size() == 2);
    daemon.start();
    CHECK(watch.changed().empty());
    CHECK(wait_until([&] {
      return daemon.log().find("2 threads that a pulsed before this one had lowered are back") !=
             std::string::npos;
    }));
  }
  // And it demotes as ever.
  REQUIRE(shop.wait_attached());
  shop.endless("endless");
  CHECK(wait_until([&] { return someone_is_lowered(watch); }));
  shop.end();
  CHECK(back_after_ms(watch));
}

TEST_CASE("A daemon whose guardian is killed puts every thread back and demotes no more") {
  DaemonProcess daemon({.policy = hold_policy()});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  shop.endless("endless");
  REQUIRE(wait_until([&] { return someone_is_lowered(watch); }));
  const pid_t guardian = guardian_of(daemon.process().pid());
  ::kill(guardian, SIGKILL);
  REQUIRE(ended(guardian));
  // Before its poll ends.
  CHECK(back_after_ms(watch));
  shop.end();
  shop.endless("after");
  REQUIRE(wait_until([&] { return !held_lines(daemon.log(), "after").empty(); }));
  CHECK(wait_until([&] { return daemon.sum("pulsed_can_demote") == 0; }));
  CHECK(wait_until([&] {
    return daemon.log().find("the guardian of demoted threads has gone") != std::string::npos;
  }));
  CHECK_FALSE(shop.counters().at("daemon_demotes").get<bool>());
  CHECK(watch.changed().empty());
  CHECK(daemon.sum("pulsed_demoted_threads") == 0);
}

}  // namespace pulsed::test
