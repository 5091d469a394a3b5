// SIGTERM and SIGHUP, with services attached.
#include <sys/stat.h>

#include <csignal>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string with_enforcement(const std::string& enforcement) {
  std::string policy = kIsolatePolicy;
  return policy.replace(0, policy.find('\n'), "enforcement: " + enforcement);
}

}  // namespace

TEST_CASE("SIGTERM takes every directive back and ends the daemon within two seconds") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  ServiceProgram idle(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  REQUIRE(idle.wait_attached());
  shop.endless(0, "stubborn", "ignore");
  shop.work(1, "light", 20, 0);
  REQUIRE(wait_until([&] { return shop.asked_now(0); }));
  const Clock::time_point asked = Clock::now();
  daemon.process().signal(SIGTERM);
  const std::optional<Ended> ended = daemon.process().wait_end();
  const auto took = Clock::now() - asked;
  // The poll in flight still looks at the old segments: nothing is asked there, with no lease to wait for.
  REQUIRE(ended);
  CHECK(*ended == Ended{});
  CHECK(took < std::chrono::seconds{2} * slowness());
  struct stat st {};
  CHECK(::stat(daemon.socket_path().c_str(), &st) != 0);
  CHECK(contains(daemon.log(), "every directive is taken back"));
  CHECK(wait_until([&] { return !shop.asked_now(0); }, milliseconds{300}));
  CHECK(shop.directive(0) == 0);
  const std::uint64_t light = shop.polls("light");
  CHECK(wait_until([&] { return shop.polls("light") > light + 100; }));
}

TEST_CASE("SIGINT ends the daemon as SIGTERM does") {
  DaemonProcess daemon;
  daemon.process().signal(SIGINT);
  CHECK(daemon.process().wait_end() == Ended{});
}

TEST_CASE("SIGHUP puts a new policy in force and switches directives off and on") {
  DaemonProcess daemon({.policy = with_enforcement("enforce")});
  ServiceProgram shop(daemon.run_dir());
  shop.work(0, "heavy", 10'000, 100, "blind");
  REQUIRE(wait_until([&] { return shop.directive(0) != 0; }));
  const auto reload = [&](const std::string& enforcement) {
    daemon.write_policy(with_enforcement(enforcement));
    daemon.process().signal(SIGHUP);
    return wait_until([&] {
      return daemon.metrics().has("pulsed_policy_info", {{"enforcement", enforcement}});
    });
  };
  for (int round = 0; round < trials(2, 10); ++round) {
    CAPTURE(round);
    REQUIRE(reload("shadow"));
    CHECK(shop.directive(0) == 0);
    // Shadow keeps the tiers, so directives come back at once.
    CHECK(daemon.sum("pulsed_tasks", {{"class", "heavy"}, {"tier", "monitor"}}) == 0);
    REQUIRE(reload("enforce"));
    CHECK(shop.directive(0) != 0);
    REQUIRE(reload("observe"));
    CHECK(shop.directive(0) == 0);
    CHECK(daemon.sum("pulsed_tasks", {{"class", "heavy"}, {"tier", "monitor"}}) == 1);
    // Observe forgets the tiers, so they have to be earned again.
    REQUIRE(reload("enforce"));
    CHECK(wait_until([&] { return shop.directive(0) != 0; }));
  }
}

TEST_CASE("A policy that makes no sense changes nothing and is named with its place") {
  DaemonProcess daemon({.policy = with_enforcement("enforce")});
  ServiceProgram shop(daemon.run_dir());
  shop.work(0, "heavy", 10'000, 100, "blind");
  REQUIRE(wait_until([&] { return shop.directive(0) != 0; }));
  const Metrics before = daemon.metrics();
  daemon.write_policy("enforcement: observe\ndefaults:\n  poll_bugdet: 3ms\n");
  daemon.process().signal(SIGHUP);
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_policy_reload_failures_total") == 1; }));
  // The log is written by a thread of its own.
  CHECK(wait_until([&] { return contains(daemon.log(), daemon.policy_path() + ":3:3"); }));
  CHECK(contains(daemon.log(), "poll_budget"));
  const Metrics after = daemon.metrics();
  CHECK(after.has("pulsed_policy_info", {{"enforcement", "enforce"}}));
  CHECK(after.sum("pulsed_policy_reloads_total") == before.sum("pulsed_policy_reloads_total"));
  CHECK(shop.directive(0) != 0);
  // And the next good one is taken.
  daemon.write_policy(with_enforcement("shadow"));
  daemon.process().signal(SIGHUP);
  CHECK(wait_until([&] {
    return daemon.metrics().has("pulsed_policy_info", {{"enforcement", "shadow"}});
  }));
}

}  // namespace pulsed::test
