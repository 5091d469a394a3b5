// Load that breaks no rule is left alone, however full the machine.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

// Lets the load run, and finds that nothing was held against it, but for polls that found out themselves that they had been on
// a CPU for about their budget: an interrupt's time counts as theirs, and on a virtual machine what its host took.
void check_left_alone(DaemonProcess& daemon, HeldService& shop, milliseconds time) {
  const PriorityWatch watch(shop.pid());
  const Clock::time_point end = Clock::now() + time;
  std::size_t lowered = 0;
  REQUIRE(wait_until(
      [&] {
        lowered += watch.changed().size();
        return Clock::now() >= end;
      },
      time * 2));
  shop.light(0);
  shop.end();
  const auto near_budget = static_cast<double>(shop.count("near_budget"));
  MESSAGE(shop.count("hog_polls") << " polls beside light ones, " << near_budget
                                  << " at their budget by their own "
                                  << "clock, the longest " << shop.count("longest_run_us")
                                  << " us on a CPU, " << daemon.sum("pulsed_spare_wakes_total")
                                  << " spare workers woken");
  CHECK(shop.count("hog_polls") > 100);
  for (const std::string cls : {"io", "within", "light"}) {
    for (const HeldLine& line : held_lines(daemon.log(), cls)) {
      if (line.burned_ms < 1) continue;
      MESSAGE(cls << ": held for " << line.held_ms << " ms, burned " << line.burned_ms
                  << " ms, worker " << line.worker);
    }
  }
  CHECK(daemon.sum("pulsed_violations_total") <= near_budget);
  CHECK(daemon.sum("pulsed_demotions_total") <= near_budget);
  if (near_budget == 0) {
    CHECK(lowered == 0);
    CHECK(daemon.sum("pulsed_tier_changes_total") == 0);
  }
  CHECK(static_cast<double>(shop.light_lowered()) <= near_budget);
}

}  // namespace

TEST_CASE("Polls that only wait for input and output are never promoted nor demoted") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir(), {.workers = 4});
  REQUIRE(shop.wait_attached());
  shop.light(500);
  shop.io_chains("io", 6, 100, 20'000);
  check_left_alone(daemon, shop, milliseconds{trials(3000, 600'000)});
}

TEST_CASE("Polls within their budget are left alone where threads are twice as many as CPUs") {
  DaemonProcess daemon({.policy = hold_policy()});
  const unsigned workers = 2 * std::max(1U, std::thread::hardware_concurrency());
  HeldService shop(daemon.run_dir(), {.workers = workers});
  REQUIRE(shop.wait_attached());
  shop.burn_chains("within", workers, 800, 800);
  check_left_alone(daemon, shop, milliseconds{trials(3000, 600'000)});
}

}  // namespace pulsed::test
