// What ends a demotion beside the end of its poll: the service's death or leave, another policy, quarantine.
#include <unistd.h>

#include <csignal>

#include <doctest/doctest.h>

#include "daemon/act/demotion_ledger.h"
#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

// Two endless polls whose threads are lowered, and light polls that look at theirs.
struct Scene {
  explicit Scene(DaemonOptions options = {.policy = hold_policy()}) : daemon(std::move(options)) {}
  [[nodiscard]] bool lowered() {
    return wait_until([this] { return watch.changed().size() == 2; });
  }
  // What there was in flight ends, nothing is left, and no light poll ran at a lower priority.
  void check_end() {
    shop.end();
    CHECK(back_after_ms(watch));
    CHECK(wait_until([this] { return daemon.sum("pulsed_demoted_threads") == 0; }));
    CHECK(shop.light_lowered() == 0);
  }

  DaemonProcess daemon;
  HeldService shop{daemon.run_dir()};
  PriorityWatch watch{shop.pid()};
};

}  // namespace

TEST_CASE("After a service is killed guardian and ledger hold nothing of it") {
  DaemonProcess daemon({.policy = hold_policy()});
  if (!demotes(daemon)) return;
  for (int round = 0; round < trials(10, 100); ++round) {
    CAPTURE(round);
    HeldService shop(daemon.run_dir());
    REQUIRE(shop.wait_attached());
    const PriorityWatch watch(shop.pid());
    shop.endless("endless");
    shop.burn_chains("chain", 2, 1'500, 12'000);
    REQUIRE(wait_until([&] { return someone_is_lowered(watch); }));
    shop.process().kill();
    CHECK(wait_until([&] { return daemon.sum("pulsed_detaches_total") == round + 1; }));
    CHECK(daemon.sum("pulsed_demoted_threads") == 0);
  }
  daemon.process().signal(SIGTERM);
  REQUIRE(daemon.process().wait_end() == Ended{});
  CHECK(act::DemotionLedger(daemon.run_dir() + "/demotions").held() == 0);
}

TEST_CASE("After service and daemon are killed together the next daemon works as ever") {
  DaemonProcess daemon({.policy = hold_policy(), .own_group = true});
  if (!demotes(daemon)) return;
  for (int round = 0; round < trials(4, 40); ++round) {
    CAPTURE(round);
    HeldService shop(daemon.run_dir());
    REQUIRE(shop.wait_attached());
    const PriorityWatch watch(shop.pid());
    shop.endless("endless", 2);
    REQUIRE(wait_until([&] { return watch.changed().size() == 2; }));
    const pid_t guardian = guardian_of(daemon.process().pid());
    shop.process().signal(SIGKILL);
    daemon.process().signal_group(SIGKILL);
    daemon.process().kill();
    CHECK(wait_until([&] { return has_ended(guardian); }));
    daemon.start();
    CHECK(daemon.log().find("had lowered") == std::string::npos);
  }
}

TEST_CASE("A policy that only observes puts every thread back and parks the spare workers") {
  Scene scene;
  if (!demotes(scene.daemon)) return;
  REQUIRE(scene.shop.wait_attached());
  scene.shop.light(500);
  std::vector<double> back;
  for (int round = 0; round < trials(5, 50); ++round) {
    CAPTURE(round);
    scene.shop.endless("endless", 2);
    REQUIRE(scene.lowered());
    const char* enforcement = round % 2 == 0 ? "observe" : "shadow";
    scene.daemon.write_policy(hold_policy("", enforcement));
    scene.daemon.process().signal(SIGHUP);
    const std::optional<double> after = back_after_ms(scene.watch);
    REQUIRE(after);
    back.push_back(*after);
    CHECK(*after < 1000 * slowness());
    CHECK(scene.daemon.metrics().has("pulsed_policy_info", {{"enforcement", enforcement}}));
    CHECK(scene.daemon.sum("pulsed_demoted_threads") == 0);
    CHECK(scene.daemon.sum("pulsed_spare_workers", {{"state", "awake"}}) == 0);
    CHECK_FALSE(scene.shop.counters().at("daemon_demotes").get<bool>());
    if (round % 3 == 0) scene.shop.end();
    REQUIRE(reload(scene.daemon, hold_policy()));
    if (round % 3 != 0) {
      // The same polls are lowered again.
      CHECK(scene.lowered());
      scene.shop.end();
    }
    CHECK(back_after_ms(scene.watch));
  }
  MESSAGE("every thread was back " << Distribution(back) << " after SIGHUP");
  scene.check_end();
}

TEST_CASE("A policy under which its class is not demoted puts a thread back and leaves others") {
  Scene scene;
  if (!demotes(scene.daemon)) return;
  REQUIRE(scene.shop.wait_attached());
  scene.shop.light(500);
  scene.shop.endless("one");
  scene.shop.endless("other");
  REQUIRE(scene.lowered());
  REQUIRE(reload(scene.daemon,
                 hold_policy("", "enforce", "  - match: {class: one}\n    demote_to: none\n")));
  CHECK(wait_until([&] { return scene.watch.changed().size() == 1; }));
  CHECK(wait_until([&] { return scene.daemon.sum("pulsed_demoted_threads") == 1; }));
  scene.check_end();
}

TEST_CASE("A policy with another priority lowers threads to that one") {
  Scene scene;
  if (!demotes(scene.daemon)) return;
  REQUIRE(scene.shop.wait_attached());
  scene.shop.light(500);
  scene.shop.endless("endless", 2);
  REQUIRE(scene.lowered());
  REQUIRE(reload(scene.daemon, hold_policy("  demote_to: 7\n")));
  CHECK(wait_until([&] {
    const std::vector<ThreadSeen> lowered = scene.watch.changed();
    return lowered.size() == 2 && lowered[0].priority.nice == 7 && lowered[1].priority.nice == 7;
  }));
  scene.check_end();
}

TEST_CASE("In quarantine a service has every thread back at its own priority") {
  Scene scene;
  if (!demotes(scene.daemon)) return;
  REQUIRE(scene.shop.wait_attached());
  scene.shop.light(500);
  scene.shop.endless("endless", 2);
  REQUIRE(scene.lowered());
  scene.shop.write_nonsense();  // by a spare worker
  REQUIRE(wait_until([&] { return scene.daemon.sum("pulsed_quarantined") == 1; }));
  CHECK(back_after_ms(scene.watch));
  CHECK(scene.daemon.sum("pulsed_demoted_threads") == 0);
  CHECK(scene.daemon.sum("pulsed_spare_workers", {{"state", "awake"}}) == 0);
  scene.check_end();
}

TEST_CASE("A service that ends its session has every thread back while its polls go on") {
  Scene scene;
  if (!demotes(scene.daemon)) return;
  REQUIRE(scene.shop.wait_attached());
  scene.shop.endless("endless", 2);
  REQUIRE(scene.lowered());
  scene.shop.close_session();
  CHECK(back_after_ms(scene.watch));
  CHECK(wait_until([&] { return scene.daemon.sum("pulsed_detaches_total") == 1; }));
  CHECK(scene.daemon.sum("pulsed_demoted_threads") == 0);
  scene.check_end();
}

}  // namespace pulsed::test
