// Polls that never end: reported while they run, and the service serves on beside them.
#include <sched.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

const Metrics::Labels kAwake{{"state", "awake"}};
const Metrics::Labels kParked{{"state", "parked"}};

// How late light polls are while this time passes.
Distribution light_for(HeldService& shop, milliseconds time) {
  shop.light(1000);
  const Clock::time_point end = Clock::now() + time;
  REQUIRE(wait_until([&] { return Clock::now() >= end; }, time * 2));
  shop.light(0);
  CHECK(wait_until([&] {
    const nlohmann::json now = shop.counters();
    return now.at("light_served") == now.at("light_posted");
  }));
  return Distribution(shop.late_ms());
}

// How often they were given a CPU.
std::uint64_t runs_of_spares(pid_t pid) {
  std::uint64_t all = 0;
  for (const ThreadSeen& thread : threads_of(pid)) {
    if (thread.name.find("spare") == std::string::npos) continue;
    std::ifstream schedstat("/proc/" + std::to_string(pid) + "/task/" + std::to_string(thread.tid) +
                            "/schedstat");
    std::uint64_t ran = 0;
    std::uint64_t waited = 0;
    std::uint64_t runs = 0;
    schedstat >> ran >> waited >> runs;
    all += runs;
  }
  return all;
}

}  // namespace

// What is asserted leaves room for a busy machine; the message says how soon it was.
TEST_CASE("An endless poll is reported with class and worker and blame soon after its budget") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  // So that the loop is awake.
  shop.light(500);
  const int rounds = trials(50, 1000);
  std::size_t read = 0;  // of the log: to read all of it again and again would be a load of its own
  const auto reported = [&] {
    const std::string log = daemon.log();
    const bool is = !held_lines(log.substr(read), "endless").empty();
    if (is) read = log.rfind('\n') + 1;
    return is;
  };
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    shop.endless("endless");
    REQUIRE(wait_until(reported));
    shop.end();
  }
  const std::vector<HeldLine> lines = held_lines(daemon.log(), "endless");
  CHECK(lines.size() == static_cast<std::size_t>(rounds));
  std::vector<double> seen_after;
  int over_budget = 0;
  int burned_most = 0;
  int burning = 0;
  for (const HeldLine& line : lines) {
    seen_after.push_back(line.held_ms);
    CHECK_MESSAGE(line.worker.find(", thread ") != std::string::npos, line.worker);
    // Over its budget, or kept from running until it was long by the clock.
    CHECK((line.burned_ms >= 1 || line.held_ms >= 10));
    over_budget += line.burned_ms >= 1 ? 1 : 0;
    // On a busy machine it may really have been kept from running; most of these do burn.
    if (line.burned_ms < 0.7 * line.held_ms) continue;
    ++burned_most;
    burning += line.blame == "burning" ? 1 : 0;
  }
  const Distribution after(seen_after);
  MESSAGE("an endless poll was reported after " << after << "; " << burning << " of the "
                                                << burned_most
                                                << " that burned most of that time as burning");
  CHECK(burned_most - burning <= std::max(1, burned_most / 100));
  CHECK(after.p50 < 10.0 * slowness());
  CHECK(after.p99 < 100.0 * slowness());
  // One that was kept from running may have ended before it violated anything.
  const double violations = daemon.sum("pulsed_violations_total", {{"class", "endless"}});
  CHECK(violations >= over_budget);
  CHECK(violations <= rounds);
  CHECK(daemon.sum("pulsed_violations_total", {{"class", "light"}}) == 0);
  CHECK(shop.light_lowered() == 0);
}

TEST_CASE("Spare workers that are parked never run") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const auto are_parked = [&] { return daemon.sum("pulsed_spare_workers", kParked) == 2; };
  REQUIRE(wait_until(are_parked));
  shop.endless("endless", 2);
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_spare_workers", kAwake) == 2; }));
  shop.end();
  REQUIRE(wait_until(are_parked));
  // The last of their turns may still end.
  std::uint64_t runs = 0;
  REQUIRE(wait_until([&] { return runs == std::exchange(runs, runs_of_spares(shop.pid())); }));
  const Clock::time_point end = Clock::now() + milliseconds{500};
  REQUIRE(wait_until([&] { return Clock::now() >= end; }));
  CHECK(runs_of_spares(shop.pid()) == runs);
}

TEST_CASE("While all its workers are held by endless polls a service serves on by spare workers") {
  DaemonProcess daemon({.policy = hold_policy()});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_spare_workers", kParked) == 2; }));
  const PriorityWatch watch(shop.pid());
  const Distribution before = light_for(shop, milliseconds{1000});

  shop.endless("endless", 2);
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_spare_workers", kAwake) == 2; }));
  const Distribution beside = light_for(shop, milliseconds{trials(2000, 60'000)});
  MESSAGE("light polls alone: " << before << "; beside two endless polls: " << beside
                                << "; p99 by a factor of " << beside.p99 / before.p99);
  CHECK(beside.p99 < 200.0 * slowness());
  CHECK(shop.count("spare_polls") > 1000);
  CHECK(daemon.sum("pulsed_spare_workers", kAwake) == 2);
  if (demotes(daemon)) {
    CHECK(daemon.sum("pulsed_demoted_threads") == 2);
    const std::vector<ThreadSeen> lowered = watch.changed();
    CHECK(lowered.size() == 2);
    for (const ThreadSeen& thread : lowered) {
      CAPTURE(thread);
      CHECK(thread.priority.policy == SCHED_OTHER);
      CHECK(thread.priority.nice == 13);
      CHECK(thread.name.find("spare") == std::string::npos);
    }
    CHECK(shop.counters().at("last_seen_nice") == 13);
  }

  shop.end();
  const auto back = back_after_ms(watch);
  CHECK(back);
  CHECK(wait_until([&] { return daemon.sum("pulsed_spare_workers", kAwake) == 0; }));
  CHECK(daemon.sum("pulsed_spare_workers", kParked) == 2);
  CHECK(daemon.sum("pulsed_demoted_threads") == 0);
  CHECK(daemon.sum("pulsed_in_flight_longest_seconds") == 0);
  CHECK(daemon.sum("pulsed_demotion_undo_seconds_count") == daemon.sum("pulsed_demotions_total"));
  CHECK(shop.light_lowered() == 0);
}

}  // namespace pulsed::test
