// A lock that a lowered thread holds and light polls need is given back, however low the thread and busy the machine.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

constexpr int kSome = 50;
constexpr int kAll = 1000;
constexpr milliseconds kPatience{60'000};

unsigned cpus() { return std::max(1U, std::thread::hardware_concurrency()); }

// Every light poll that came is served, so none waits for ever.
void check_all_served(HeldService& shop) {
  shop.light(0);
  CHECK(wait_until([&] {
    const nlohmann::json now = shop.counters();
    return now.at("light_served") == now.at("light_posted");
  }));
  MESSAGE("light polls that need the lock were served " << Distribution(shop.late_ms())
                                                        << " after they came");
  CHECK(shop.light_lowered() == 0);
}

}  // namespace

TEST_CASE("Light polls that need the lock of a lowered hog get it at nice 13") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  shop.light(300, true);
  shop.hold_lock("hog", trials(kSome, kAll), 5'000, kPatience * trials(1, 10));
  if (demotes(daemon)) {
    CHECK(shop.count("held_lowered") > 0);
    CHECK(daemon.sum("pulsed_demotions_total") > 0);
  }
  CHECK(back_after_ms(watch));
  check_all_served(shop);
}

// A burn of 5 ms at the two hundredths that min_share keeps for it: 250 ms, and as much again for the time that it takes to see
// that it got less. Without, at nice 13 beside so many threads, it is some hundredth.
TEST_CASE("A lowered hog keeps its least share of a CPU however many threads compete") {
  DaemonProcess daemon({.policy = hold_policy()});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  shop.busy(5 * cpus());
  const double longest = shop.hold_lock("hog", trials(10, 100), 5'000, kPatience);
  MESSAGE("the lock was held for " << longest << " ms at most, "
                                   << daemon.sum("pulsed_demotion_boosts_total") << " boosts");
  CHECK(daemon.sum("pulsed_demotions_total") > 0);
  CHECK(longest < 500 * slowness());
}

TEST_CASE(
    "At SCHED_IDLE beside busy threads a hog that holds a lock is boosted and gives it back") {
  DaemonProcess daemon({.policy = hold_policy("  demote_to: idle\n  min_share: 0.1\n")});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  shop.busy(cpus());
  shop.light(100, true);
  shop.hold_lock("hog", trials(kSome, kAll), 4'000, kPatience * trials(1, 10));
  CHECK(daemon.sum("pulsed_demotions_total") > 0);
  CHECK(daemon.sum("pulsed_demotion_boosts_total") > 0);
  shop.busy(0);
  CHECK(back_after_ms(watch));
  check_all_served(shop);
}

}  // namespace pulsed::test
