// Polls that do not end: seen, judged and reported while they run, with every right and with none.
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

constexpr uid_t kNobody = 65'534;
const Metrics::Labels kEndless{{"class", "endless"}};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// While the first poll of its task runs: a violation, once; the task isolated; a line of log that says who and where.
void check_endless_poll_is_reported(DaemonProcess& daemon, ServiceProgram& shop) {
  shop.endless(1, "endless", "blind");
  CHECK(wait_until([&] {
    return daemon.sum("pulsed_tasks", {{"class", "endless"}, {"tier", "isolate"}}) == 1;
  }));
  CHECK(wait_until([&] { return daemon.sum("pulsed_in_flight_longest_seconds") > 0.1; }));
  CHECK(wait_until([&] {
    return daemon.sum("pulsed_in_flight_polls", {{"blame", "burning"}}) == 1;
  }));
  CHECK(wait_until([&] { return contains(daemon.log(), "a task of class endless goes"); }));
  const std::string log = daemon.log();
  CHECK(contains(log, "isolate by emergency"));
  CHECK(contains(log, "on worker 1 (worker-1, thread "));
  // An emergency in the same look as the first violation: still one poll, one violation.
  CHECK(daemon.sum("pulsed_violations_total", kEndless) == 1);
  CHECK(shop.polls("endless") == 0);
  CHECK(daemon.sum("pulsed_polls_total", kEndless) == 0);
  shop.idle();
  CHECK(wait_until([&] { return daemon.sum("pulsed_polls_total", kEndless) == 1; }));
  CHECK(wait_until([&] { return daemon.sum("pulsed_in_flight_longest_seconds") == 0; }));
  CHECK(daemon.sum("pulsed_violations_total", kEndless) == 1);
}

}  // namespace

TEST_CASE("An endless poll is reported with class and worker while it runs") {
  DaemonProcess daemon({.policy = kEmergencyPolicy});
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  check_endless_poll_is_reported(daemon, shop);
}

TEST_CASE("Without any right a daemon says what it lacks and sees endless polls all the same") {
  DaemonOptions options{.policy = kEmergencyPolicy};
  ServiceOptions service;
  if (::geteuid() == 0) options.user = service.user = kNobody;
  DaemonProcess daemon(options);
  ServiceProgram shop(daemon.run_dir(), service);
  REQUIRE(shop.wait_attached());
  check_endless_poll_is_reported(daemon, shop);
  const std::string log = daemon.log();
  if (options.user) {
    CHECK(contains(log, "ordinary priority"));
    CHECK(contains(log, "CAP_SYS_NICE"));
    CHECK(contains(log, "CAP_PERFMON"));
    CHECK(daemon.sum("pulsed_high_priority") == 0);
    CHECK(daemon.sum("pulsed_exact_run_times") == 0);
  }
}

TEST_CASE("A poll that ignores its directive is asked for as long as it runs and not beyond") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  shop.endless(0, "stubborn", "ignore");
  CHECK(wait_until([&] { return shop.asked_now(0); }));
  CHECK(daemon.sum("pulsed_directives_total", {{"directive", "yield"}}) == 1);
  shop.work(0, "light", 20, 100);
  CHECK(wait_until([&] { return shop.polls("light") > 100; }));
  CHECK(shop.yields() == 0);
  CHECK(daemon.sum("pulsed_yields_obeyed_total") == 0);
}

}  // namespace pulsed::test
