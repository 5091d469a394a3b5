// One daemon a run directory, and no remains that keep the next one out.
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

bool exists(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A second daemon is refused with the pid and the directory of the first") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  const std::unique_ptr<Process> second = daemon.start_second();
  const std::optional<Ended> ended = second->wait_end();
  REQUIRE(ended);
  CHECK(ended->code == 1);
  const std::string said = second->output();
  CAPTURE(said);
  CHECK(contains(said, "(pid " + std::to_string(daemon.process().pid()) + ")"));
  CHECK(contains(said, daemon.run_dir()));
  CHECK(contains(said, "--run-dir"));
  // The first goes on, its socket included.
  CHECK(shop.attached());
  ServiceProgram another(daemon.run_dir());
  CHECK(another.wait_attached());
}

TEST_CASE("After a daemon was killed the next one starts at once over its remains") {
  DaemonProcess daemon;
  for (int round = 0; round < trials(3, 30); ++round) {
    daemon.process().kill();
    REQUIRE(exists(daemon.socket_path()));
    REQUIRE(exists(daemon.run_dir() + "/pulsed.lock"));
    daemon.start();  // throws if it does not become ready
    ServiceProgram shop(daemon.run_dir());
    CHECK(shop.wait_attached());
  }
}

}  // namespace pulsed::test
