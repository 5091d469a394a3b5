// What the daemon tells a service manager: ready, alive by its control loop, stopping.
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;

// The manager's end of NOTIFY_SOCKET.
class NotifySocket {
 public:
  NotifySocket() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("bind " + path());
    }
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/notify"; }

  // Is this said within the deadline? What is said before it is skipped.
  [[nodiscard]] bool hears(const std::string& state, milliseconds deadline) const {
    return wait_until([&] { return next() == state; }, deadline);
  }
  void forget() const {
    while (!next().empty()) {
    }
  }

 private:
  [[nodiscard]] std::string next() const {
    std::array<char, 256> text{};
    const ssize_t n = ::recv(fd_.get(), text.data(), text.size(), MSG_DONTWAIT);
    return n > 0 ? std::string(text.data(), static_cast<std::size_t>(n)) : std::string();
  }
  TempDir dir_;
  shm::Fd fd_;
};

pid_t loop_thread(pid_t pid) {
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream comm(thread.path() / "comm");
    std::string name;
    if (std::getline(comm, name) && name == "pulsed-loop") {
      return std::stoi(thread.path().filename().string());
    }
  }
  return 0;
}

constexpr milliseconds kSoon{20'000};

}  // namespace

TEST_CASE("A service manager hears ready then the watchdog and in the end stopping") {
  const NotifySocket manager;
  DaemonProcess daemon(
      {.environment = {{"NOTIFY_SOCKET", manager.path()}, {"WATCHDOG_USEC", "100000"}}});
  CHECK(manager.hears("READY=1", kSoon));
  for (int i = 0; i < 3; ++i) CHECK(manager.hears("WATCHDOG=1", kSoon));
  daemon.process().signal(SIGHUP);
  CHECK(manager.hears("RELOADING=1", kSoon));
  CHECK(manager.hears("READY=1", kSoon));
  daemon.process().signal(SIGTERM);
  CHECK(manager.hears("STOPPING=1", kSoon));
  CHECK(daemon.process().wait_end() == Ended{});
}

TEST_CASE("Without a watchdog interval or with another process's none is fed") {
  const NotifySocket manager;
  const DaemonProcess daemon(
      {.environment = {
           {"NOTIFY_SOCKET", manager.path()}, {"WATCHDOG_USEC", "50000"}, {"WATCHDOG_PID", "1"}}});
  CHECK(manager.hears("READY=1", kSoon));
  CHECK_FALSE(manager.hears("WATCHDOG=1", milliseconds{300} / slowness()));
}

TEST_CASE("A control loop that stands still feeds no watchdog though other threads run") {
  const NotifySocket manager;
  DaemonProcess daemon(
      {.environment = {{"NOTIFY_SOCKET", manager.path()}, {"WATCHDOG_USEC", "100000"}}});
  REQUIRE(manager.hears("WATCHDOG=1", kSoon));
  const pid_t loop = loop_thread(daemon.process().pid());
  REQUIRE(loop != 0);
  if (::ptrace(PTRACE_SEIZE, loop, nullptr, nullptr) != 0) {
    MESSAGE("not allowed to stop a single thread here");
    return;
  }
  REQUIRE(::ptrace(PTRACE_INTERRUPT, loop, nullptr, nullptr) == 0);
  int status = 0;
  REQUIRE(::waitpid(loop, &status, __WALL) == loop);
  manager.forget();
  CHECK_FALSE(manager.hears("WATCHDOG=1", milliseconds{500} / slowness()));
  CHECK(wait_until([&] {
    const auto health = daemon.get("/-/healthy");
    return health && health->status == 503;
  }));
  CHECK(daemon.get("/metrics"));  // the last picture, at once
  REQUIRE(::ptrace(PTRACE_DETACH, loop, nullptr, nullptr) == 0);
  CHECK(manager.hears("WATCHDOG=1", kSoon));
  CHECK(wait_until([&] { return daemon.get("/-/healthy")->status == 200; }));
}

}  // namespace pulsed::test
