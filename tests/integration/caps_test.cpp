// Limits: who is over one is told so, once, and gets in when there is room.
#include <algorithm>
#include <memory>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {

TEST_CASE("A service over the cap of its uid is told why once and attaches when there is room") {
  DaemonProcess daemon({.config = "limits: {services_per_uid: 2}\n"});
  auto first = std::make_unique<ServiceProgram>(daemon.run_dir());
  ServiceProgram second(daemon.run_dir());
  REQUIRE(wait_until([&] { return first->attached() && second.attached(); }));
  ServiceProgram third(daemon.run_dir(), {.name = "third"});
  third.work(0, "light", 20, 100);
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_attaches_refused_total") >= 3; }));
  CHECK_FALSE(third.attached());
  CHECK(third.polls() > 0);
  const std::vector<std::string> log = third.log();
  REQUIRE(log.size() == 1);
  CHECK(log[0].find("limits.services_per_uid") != std::string::npos);
  CHECK(daemon.log().find("limits.services_per_uid") != std::string::npos);
  first.reset();
  CHECK(third.wait_attached());
  CHECK(wait_until([&] { return daemon.sum("pulsed_polls_total", {{"service", "third"}}) > 0; }));
}

TEST_CASE("A service that asks for more than one service may have is refused") {
  const DaemonProcess daemon({.config = "limits: {workers: 8}\n"});
  ServiceProgram shop(daemon.run_dir());  // asks for the default, 64
  REQUIRE(wait_until([&] { return !shop.log().empty(); }));
  CHECK(shop.log()[0].find("more workers") != std::string::npos);
  CHECK_FALSE(shop.attached());
}

TEST_CASE("A user that is not listed may not attach") {
  const DaemonProcess daemon({.config = "attach: {allow_uids: [64999]}\n"});
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(wait_until([&] { return !shop.log().empty(); }));
  CHECK(shop.log()[0].find("attach.allow_uids") != std::string::npos);
}

}  // namespace pulsed::test
