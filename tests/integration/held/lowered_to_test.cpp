// To what threads are lowered, which are left alone, and what a daemon does that may lower none.
#include <sched.h>
#include <unistd.h>

#include <csignal>

#include <doctest/doctest.h>

#include "tests/integration/held/scene.h"

namespace pulsed::test {
namespace {

constexpr uid_t kNobody = 65'534;

// But for spare workers, which have the priority of those whose place they take.
void check_left_alone(const PriorityWatch& watch) {
  for (const ThreadSeen& thread : watch.changed()) {
    CHECK_MESSAGE(thread.name.find("spare") != std::string::npos, thread);
  }
}

bool isolation(const ThreadSeen& thread) { return thread.name.find("isol") != std::string::npos; }

}  // namespace

TEST_CASE("A thread is lowered to what the policy says and told to reset on fork") {
  struct To {
    const char* text;
    std::uint32_t policy;
    std::int32_t nice;
  };
  for (const To& to :
       {To{"idle", SCHED_IDLE, 0}, To{"5", SCHED_OTHER, 5}, To{"19", SCHED_OTHER, 19}}) {
    CAPTURE(to.text);
    DaemonProcess daemon({.policy = hold_policy("  demote_to: " + std::string(to.text) + "\n")});
    if (!demotes(daemon)) return;
    HeldService shop(daemon.run_dir());
    REQUIRE(shop.wait_attached());
    const PriorityWatch watch(shop.pid());
    shop.light(500);
    shop.endless("endless");
    REQUIRE(wait_until([&] { return someone_is_lowered(watch); }));
    for (const ThreadSeen& thread : watch.changed()) {
      CAPTURE(thread);
      CHECK(thread.priority == OsPriority{to.policy, to.nice, 0, true});
    }
    shop.end();
    CHECK(back_after_ms(watch));
    CHECK(shop.light_lowered() == 0);
  }
}

TEST_CASE("A policy that demotes to none lowers nothing and does the rest") {
  DaemonProcess daemon({.policy = hold_policy("  demote_to: none\n")});
  HeldService shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  shop.endless("endless", 2);
  REQUIRE(wait_until([&] { return held_lines(daemon.log(), "endless").size() == 2; }));
  CHECK(wait_until([&] { return daemon.sum("pulsed_spare_workers", {{"state", "awake"}}) == 2; }));
  CHECK(wait_until([&] { return daemon.sum("pulsed_tasks", {{"tier", "isolate"}}) == 2; }));
  CHECK(watch.changed().empty());
  CHECK(daemon.sum("pulsed_demotions_total") == 0);
  CHECK(daemon.sum("pulsed_demotions_refused_total") == 0);
}

TEST_CASE("Threads that are as low already or real-time are left alone and counted") {
  for (const char* priority : {"nice15", "fifo"}) {
    CAPTURE(priority);
    DaemonProcess daemon({.policy = hold_policy()});
    if (!demotes(daemon)) return;
    HeldService shop(daemon.run_dir(), {.priority = priority});
    REQUIRE(shop.wait_attached());
    const PriorityWatch watch(shop.pid());
    shop.endless("endless");
    CHECK(wait_until([&] { return daemon.sum("pulsed_demotions_refused_total") == 1; }));
    check_left_alone(watch);
    CHECK(daemon.sum("pulsed_demotions_total") == 0);
    shop.end();
    check_left_alone(watch);
  }
}

TEST_CASE(
    "Threads of the isolation pool are lowered by the daemon for as long as they belong to it") {
  DaemonProcess daemon({.policy = hold_policy()});
  if (!demotes(daemon)) return;
  HeldService shop(daemon.run_dir(), {.isolation_workers = 1});
  REQUIRE(shop.wait_attached());
  const PriorityWatch watch(shop.pid());
  CHECK(wait_until([&] { return shop.counters().at("daemon_demotes").get<bool>(); }));
  const auto lowered = [&] {
    const std::vector<ThreadSeen> now = watch.changed();
    return now.size() == 1 && isolation(now[0]) && now[0].priority.nice == 13;
  };
  shop.isolated("isolated");
  CHECK(wait_until(lowered));
  shop.end();
  // Between its polls too.
  CHECK(wait_until([&] { return daemon.sum("pulsed_in_flight_longest_seconds") < 0.01; }));
  CHECK(lowered());
  // Nobody waits behind it but isolated polls.
  CHECK(daemon.sum("pulsed_spare_wakes_total") == 0);
  shop.light(500);
  for (const char* enforcement : {"observe", "shadow"}) {
    CAPTURE(enforcement);
    REQUIRE(reload(daemon, hold_policy("", enforcement)));
    CHECK(back_after_ms(watch));
    CHECK_FALSE(shop.counters().at("daemon_demotes").get<bool>());
    REQUIRE(reload(daemon, hold_policy()));
    CHECK(shop.counters().at("daemon_demotes").get<bool>());
    shop.isolated("isolated");
    CHECK(wait_until(lowered));
    shop.end();
  }
  daemon.process().signal(SIGTERM);
  CHECK(daemon.process().wait_end() == Ended{});
  CHECK(watch.changed().empty());
  CHECK(shop.light_lowered() == 0);
}

TEST_CASE("Without the right to demote a daemon says once what is missing and does the rest") {
  DaemonOptions options{.policy = hold_policy()};
  HeldServiceOptions service;
  if (::geteuid() == 0) options.user = service.user = kNobody;
  DaemonProcess daemon(options);
  HeldService shop(daemon.run_dir(), service);
  REQUIRE(shop.wait_attached());
  if (daemon.sum("pulsed_can_demote") == 1) {
    MESSAGE("not run: this user has the right");
    return;
  }
  REQUIRE(wait_until([&] {
    return daemon.sum("pulsed_spare_workers", {{"state", "parked"}}) == 2;
  }));
  const PriorityWatch watch(shop.pid());
  shop.endless("endless", 2);
  CHECK(wait_until([&] { return held_lines(daemon.log(), "endless").size() == 2; }));
  CHECK(wait_until([&] { return daemon.sum("pulsed_spare_workers", {{"state", "awake"}}) == 2; }));
  shop.light(500);
  CHECK(wait_until([&] { return shop.count("light_served") > 200; }));
  CHECK(watch.changed().empty());
  CHECK(daemon.sum("pulsed_demotions_total") == 0);
  CHECK_FALSE(shop.counters().at("daemon_demotes").get<bool>());
  shop.end();
  CHECK(wait_until([&] { return daemon.sum("pulsed_spare_workers", {{"state", "awake"}}) == 0; }));

  const std::string log = daemon.log();
  const std::string warning = "threads held by hogs are not demoted";
  const std::size_t at = log.find(warning);
  REQUIRE(at != std::string::npos);
  CHECK(log.find(warning, at + 1) == std::string::npos);
  CHECK(log.find("CAP_SYS_NICE", at) != std::string::npos);
  CHECK(shop.light_lowered() == 0);
}

}  // namespace pulsed::test
