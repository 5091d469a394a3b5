// A service and a daemon as they are meant to be: attach, load, directives, and the end of either.
#include <csignal>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

const Metrics::Labels kShop{{"service", "shop"}};

bool processes_are(const DaemonProcess& daemon, double count) {
  return wait_until([&] { return daemon.sum("pulsed_service_processes", kShop) == count; });
}

}  // namespace

TEST_CASE("Under load every yield directive is obeyed once and every poll is counted") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  shop.work(0, "light", 20, 200);
  shop.work(1, "heavy", 10'000, 0);
  const auto wanted = static_cast<std::uint64_t>(trials(100, 2000));
  REQUIRE(wait_until([&] { return shop.yields() >= wanted; }, milliseconds{60'000}));
  shop.idle();
  const std::uint64_t yields = shop.yields();
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_polls_total", kShop) == shop.polls(); }));
  const Metrics now = daemon.metrics();
  CHECK(shop.counters().at("asked_again") == 0);
  CHECK(now.sum("pulsed_yields_obeyed_total", kShop) == yields);
  CHECK(now.sum("pulsed_directives_total", {{"service", "shop"}, {"directive", "yield"}}) >=
        yields);
  CHECK(now.sum("pulsed_polls_total", {{"class", "light"}}) == shop.polls("light"));
  CHECK(now.sum("pulsed_polls_total", {{"class", "heavy"}}) == shop.polls("heavy"));
  CHECK(now.sum("pulsed_yields_obeyed_total", {{"class", "light"}}) == 0);
  CHECK(now.sum("pulsed_violations_total", {{"class", "heavy"}}) >= yields);
  CHECK(now.sum("pulsed_poll_duration_seconds_count", kShop) +
            now.sum("pulsed_ring_dropped_samples_total", kShop) >=
        shop.polls());
  CHECK(now.sum("pulsed_rejected_records_total") == 0);
}

TEST_CASE("A long poll in a service with an isolation pool is asked to move there") {
  DaemonProcess daemon({.policy = kIsolatePolicy});
  ServiceProgram shop(daemon.run_dir(), {.workers = 1, .isolation_workers = 1});
  REQUIRE(shop.wait_attached());
  shop.work(0, "heavy", 20'000, 0, "blind");
  REQUIRE(wait_until([&] { return (shop.directive(0) & PULSED_DIRECTIVE_ISOLATE) != 0; }));
  shop.work(1, "heavy", 5'000, 0);
  CHECK(wait_until([&] { return daemon.sum("pulsed_isolated_polls_total", kShop) > 0; }));
  const Metrics now = daemon.metrics();
  CHECK(now.sum("pulsed_directives_total", {{"directive", "isolate"}}) >= 1);
  CHECK(now.sum("pulsed_tier_changes_total", {{"to", "isolate"}}) >= 1);
}

TEST_CASE("In shadow the tiers move and nothing is asked") {
  DaemonProcess daemon({.policy = "enforcement: shadow\n"});
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  shop.work(0, "heavy", 10'000, 0);
  REQUIRE(wait_until([&] {
    return daemon.sum("pulsed_tier_changes_total", {{"to", "isolate"}}) >= 1;
  }));
  REQUIRE(wait_until([&] { return shop.polls("heavy") >= 20; }));
  CHECK(shop.directive(0) == 0);
  CHECK(shop.yields() == 0);
  CHECK(daemon.sum("pulsed_directives_total") == 0);
}

TEST_CASE("A service that is killed is detached and all it held is given back") {
  DaemonProcess daemon;
  Metrics before;
  std::size_t descriptors = 0;
  std::size_t resident = 0;
  const int rounds = trials(6, 30);
  for (int round = 0; round < rounds; ++round) {
    ServiceProgram shop(daemon.run_dir());
    REQUIRE(shop.wait_attached());
    shop.work(0, "light", 20, 0);
    shop.work(1, "heavy", 5'000, 0);
    REQUIRE(wait_until([&] { return shop.yields() >= 5; }));
    shop.process().kill();
    REQUIRE(processes_are(daemon, 0));
    const Metrics now = daemon.metrics();
    CAPTURE(round);
    CHECK(now.fallen_since(before).value_or("none") == "none");
    CHECK(now.sum("pulsed_service_workers", kShop) == 0);
    CHECK(now.sum("pulsed_tasks", kShop) == 0);
    CHECK(now.sum("pulsed_in_flight_longest_seconds", kShop) == 0);
    CHECK(now.sum("pulsed_detaches_total") == round + 1);
    before = now;
    if (round == 1) {
      descriptors = daemon.process().open_descriptors();
      resident = daemon.process().resident_bytes();
    }
  }
  // One more for the scrape's connection, which may not be closed yet.
  CHECK(daemon.process().open_descriptors() <= descriptors + 1);
  // Less than the tables of one service a round.
  const auto slack = static_cast<std::size_t>(slowness()) << 22;
  CHECK(daemon.process().resident_bytes() <= resident + slack);
}

TEST_CASE("Counters of a name never fall while its processes come and go") {
  DaemonProcess daemon;
  ServiceProgram stays(daemon.run_dir());
  stays.work(0, "light", 20, 100);
  Metrics before;
  for (int round = 0; round < trials(4, 20); ++round) {
    ServiceProgram goes(daemon.run_dir());
    REQUIRE(processes_are(daemon, 2));
    goes.work(0, "light", 20, 100);
    REQUIRE(wait_until([&] { return goes.polls() >= 20; }));
    goes.process().signal(SIGKILL);
    REQUIRE(wait_until([&] {
      const Metrics now = daemon.metrics();
      CHECK(now.fallen_since(before).value_or("none") == "none");
      before = now;
      return now.sum("pulsed_service_processes", kShop) == 1;
    }));
  }
}

TEST_CASE("Without a daemon a service runs on and says at most one line") {
  const TempDir nobody_here;
  ServiceProgram shop(nobody_here.path());
  shop.work(0, "light", 20, 0);
  shop.work(1, "heavy", 2'000, 0);
  REQUIRE(wait_until([&] { return shop.polls("light") >= 2000 && shop.polls("heavy") >= 50; }));
  CHECK_FALSE(shop.attached());
  CHECK(shop.yields() == 0);
  CHECK(shop.directive(1) == 0);
  CHECK(shop.log().size() <= 1);
}

}  // namespace pulsed::test
