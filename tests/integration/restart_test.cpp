// The daemon dies, comes back, or stands still, while a service works: the service must not notice but by directives.
#include <csignal>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

const Metrics::Labels kShop{{"service", "shop"}};

// A shim that waited for a daemon would wait at least its handshake's second.
constexpr std::uint64_t kStallUs = 900'000;

bool goes_on(ServiceProgram& service, std::uint64_t polls) {
  const std::uint64_t light = service.polls("light");
  const std::uint64_t heavy = service.polls("heavy");
  return wait_until([&] {
    return service.polls("light") >= light + polls && service.polls("heavy") >= heavy + polls / 10;
  });
}

bool yields_again(ServiceProgram& service) {
  const std::uint64_t before = service.yields();
  return wait_until([&] { return service.yields() >= before + 10; });
}

}  // namespace

TEST_CASE("A daemon killed and started anew under load is attached to within two seconds") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  shop.work(0, "light", 20, 0);
  shop.work(1, "heavy", 5'000, 0);
  for (int round = 0; round < trials(3, 20); ++round) {
    CAPTURE(round);
    REQUIRE(shop.wait_attached());
    REQUIRE(yields_again(shop));
    daemon.process().kill();
    REQUIRE(goes_on(shop, 200));
    CHECK(wait_until([&] { return !shop.attached(); }));
    CHECK(shop.directive(1) == 0);
    const std::uint64_t yields_without = shop.yields();
    // By the time of a long absence the shim looks for a daemon no more than once a second.
    const milliseconds absence{round == 0 ? 4'000 : 0};
    const Clock::time_point gone = Clock::now();
    REQUIRE(wait_until([&] { return Clock::now() - gone >= absence; }));
    REQUIRE(goes_on(shop, 200));
    CHECK(shop.yields() == yields_without);

    daemon.start();
    const Clock::time_point ready = Clock::now();
    REQUIRE(wait_until([&] { return daemon.sum("pulsed_service_processes", kShop) == 1; }));
    CHECK(Clock::now() - ready < std::chrono::seconds{2} * slowness());
    REQUIRE(goes_on(shop, 200));
  }
  REQUIRE(yields_again(shop));
  CHECK(shop.longest_stall_us() < kStallUs * static_cast<std::uint64_t>(slowness()));
  CHECK(shop.log().empty());
}

TEST_CASE("A stopped daemon is obeyed no longer than its lease and judges no backlog after") {
  DaemonProcess daemon({.policy = kIsolatePolicy});
  ServiceProgram shop(daemon.run_dir(), {.workers = 2, .isolation_workers = 1});
  REQUIRE(shop.wait_attached());
  shop.work(1, "heavy", 10'000, 100, "blind");
  REQUIRE(wait_until([&] { return shop.directive(1) != 0; }));
  daemon.process().signal(SIGSTOP);
  CHECK(wait_until([&] { return shop.directive(1) == 0; }));
  daemon.process().signal(SIGCONT);
  CHECK(wait_until([&] { return shop.directive(1) != 0; }));

  // Everything from here to SIGCONT happens while the daemon stands still.
  shop.idle();
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_polls_total", kShop) == shop.polls(); }));
  const Metrics before = daemon.metrics();
  daemon.process().signal(SIGSTOP);
  shop.work(0, "light", 20, 0);
  shop.work(1, "heavy", 10'000, 0, "obey");
  // A task asked for something until the lease ran out is asked nothing since.
  const Clock::time_point stopped = Clock::now();
  REQUIRE(wait_until([&] { return Clock::now() - stopped > std::chrono::seconds{2}; }));
  CHECK(shop.directive(0) == 0);
  CHECK(shop.directive(1) == 0);
  const std::uint64_t yields = shop.yields();
  REQUIRE(goes_on(shop, 200));
  CHECK(shop.yields() == yields);
  shop.idle();
  daemon.process().signal(SIGCONT);

  REQUIRE(wait_until([&] { return daemon.sum("pulsed_skipped_samples_total", kShop) > 0; }));
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_polls_total", kShop) == shop.polls(); }));
  const Metrics after = daemon.metrics();
  CHECK(after.sum("pulsed_violations_total", kShop) ==
        before.sum("pulsed_violations_total", kShop));
  CHECK(after.sum("pulsed_tier_changes_total") == before.sum("pulsed_tier_changes_total"));
  CHECK(after.fallen_since(before).value_or("none") == "none");
  CHECK(after.sum("pulsed_service_processes", kShop) == 1);

  shop.work(1, "heavy", 10'000, 0, "obey");
  CHECK(yields_again(shop));
}

}  // namespace pulsed::test
