// How many spare workers take the place of held ones, and where none does.
#include <doctest/doctest.h>

#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

const Metrics::Labels kAwake{{"state", "awake"}};
const Metrics::Labels kParked{{"state", "parked"}};

bool spares_are(const DaemonProcess& daemon, const Metrics::Labels& state, double count) {
  return wait_until([&] { return daemon.sum("pulsed_spare_workers", state) == count; });
}

bool shortages_are(const DaemonProcess& daemon, double count) {
  return wait_until([&] { return daemon.sum("pulsed_spare_shortages_total") == count; });
}

}  // namespace

TEST_CASE(
    "When more workers are held than there are spare ones the shortage is counted once a poll") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  REQUIRE(spares_are(daemon, kParked, 2));
  // Two workers, two spare workers, and a poll that waits for one of the four.
  shop.endless_anywhere("endless", 5);
  CHECK(shortages_are(daemon, 2));
  CHECK(daemon.sum("pulsed_spare_workers", kAwake) == 2);
  CHECK(daemon.sum("pulsed_spare_wakes_total") == 2);
  CHECK(wait_until([&] { return held_lines(daemon.log(), "endless").size() == 4; }));
  CHECK(daemon.sum("pulsed_spare_shortages_total") == 2);
  shop.end();
  CHECK(spares_are(daemon, kAwake, 0));
}

TEST_CASE("A policy that allows one spare worker has one and one that allows none has none") {
  DaemonProcess daemon({.policy = hold_policy("  max_spare_workers: 1\n")});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  REQUIRE(spares_are(daemon, kParked, 2));
  shop.endless("endless", 2);
  CHECK(spares_are(daemon, kAwake, 1));
  CHECK(shortages_are(daemon, 1));
  shop.light(500);
  CHECK(wait_until([&] { return shop.count("spare_polls") > 100; }));
  CHECK(daemon.sum("pulsed_spare_workers", kAwake) == 1);
  shop.end();
  shop.light(0);
  CHECK(spares_are(daemon, kAwake, 0));

  REQUIRE(reload(daemon, hold_policy("  max_spare_workers: 0\n")));
  const double wakes = daemon.sum("pulsed_spare_wakes_total");
  const double shortages = daemon.sum("pulsed_spare_shortages_total");
  const std::uint64_t by_spares = shop.count("spare_polls");
  shop.endless("endless", 2);
  CHECK(shortages_are(daemon, shortages + 2));
  shop.light(500);
  CHECK(wait_until([&] { return shop.count("light_posted") > 100; }));
  CHECK(shop.count("light_served") == 0);
  CHECK(daemon.sum("pulsed_spare_wakes_total") == wakes);
  CHECK(shop.count("spare_polls") == by_spares);
  shop.end();
  CHECK(wait_until([&] { return shop.count("light_served") > 100; }));
}

TEST_CASE("A spare worker is never started beside a loop that has a single thread") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir(), {.workers = 1});
  REQUIRE(shop.wait_attached());
  shop.endless("endless");
  REQUIRE(wait_until([&] { return held_lines(daemon.log(), "endless").size() == 1; }));
  shop.light(500);
  CHECK(wait_until([&] { return shop.count("light_posted") > 100; }));
  CHECK(shop.count("light_served") == 0);
  CHECK(daemon.sum("pulsed_spare_workers") == 0);
  CHECK(daemon.sum("pulsed_spare_wakes_total") == 0);
  for (const ThreadSeen& thread : threads_of(shop.pid())) {
    CHECK(thread.name.find("spare") == std::string::npos);
  }
  shop.end();
  CHECK(wait_until([&] { return shop.count("light_served") > 100; }));
  CHECK(shop.light_lowered() == 0);
}

}  // namespace pulsed::test
