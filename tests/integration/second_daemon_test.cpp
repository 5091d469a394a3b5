// One daemon a run directory, and no remains that keep the next one out.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <stdexcept>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

bool exists(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0;
}

// A pipe that a process may write to by its path.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  }
  ~Pipe() {
    for (const int end : ends_) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(ends_[1]); }

 private:
  std::array<int, 2> ends_{};
};

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

TEST_CASE("A port in use ends the start with what to do and leaves no socket") {
  DaemonProcess daemon;
  const TempDir other;
  Process second({PULSED_BIN_DIR "/pulsed",
                  {"--run-dir", other.path(), "--state-dir", other.path(), "--http",
                   "127.0.0.1:" + std::to_string(daemon.port())},
                  {},
                  other.path() + "/log",
                  {},
                  {}});
  const std::optional<Ended> ended = second.wait_end();
  REQUIRE(ended);
  CHECK(ended->code == 1);
  CHECK(contains(second.output(), "--http"));
  CHECK_FALSE(exists(other.path() + "/attach.sock"));
}

TEST_CASE("A daemon whose log reader has gone lives on") {
  const TempDir dir;
  auto reader = std::make_unique<Pipe>();
  Process daemon({PULSED_BIN_DIR "/pulsed",
                  {"--run-dir", dir.path() + "/run", "--state-dir", dir.path(), "--http", "off"},
                  {},
                  reader->path(),
                  {},
                  {}});
  ServiceProgram first(dir.path() + "/run");
  REQUIRE(first.wait_attached());
  reader.reset();
  for (int i = 0; i < 3; ++i) {
    ServiceProgram shop(dir.path() + "/run");  // its coming and going is logged
    CHECK(shop.wait_attached());
  }
  CHECK(first.attached());
  daemon.signal(SIGTERM);
  CHECK(daemon.wait_end() == Ended{});
}

}  // namespace pulsed::test
