// Limits of connections that take too long to wait for in a daemon with its defaults.
#include "daemon/rpc/api_server.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>

#include "shared_memory/segment.h"
#include "tests/support/temp_dir.h"

namespace pulsed::rpc {
namespace {

using namespace std::chrono_literals;

class NothingToSee final : public SnapshotSource, public DetailsSource, public Controls {
 public:
  std::shared_ptr<const Snapshot> fresh(std::chrono::milliseconds /*patience*/) override {
    return std::make_shared<Snapshot>();
  }
  [[nodiscard]] std::chrono::milliseconds since_last_tick() const override { return 0ms; }
  std::shared_ptr<const Details> details(std::chrono::milliseconds /*patience*/) override {
    return std::make_shared<Details>();
  }
  std::shared_ptr<const Details> workers(std::chrono::milliseconds patience) override {
    return details(patience);
  }
  bool pin(const ClassName& /*cls*/, policy::Tier /*tier*/,
           std::optional<std::chrono::seconds> /*ttl*/) override {
    return false;
  }
  bool unpin(const ClassName& /*cls*/) override { return false; }
};

class World {
 public:
  explicit World(Options options) : store_(dir_.path() + "/state") {
    options.run_dir = dir_.path();
    server_ =
        std::make_unique<ApiServer>(std::move(options), Site{.snapshots = nothing_,
                                                             .details = nothing_,
                                                             .events = events_,
                                                             .controls = nothing_,
                                                             .revisions = store_,
                                                             .ready = [] { return true; },
                                                             .audit = [](const std::string&) {},
                                                             .warn = [](const std::string&) {}});
    server_->start();
  }
  [[nodiscard]] ApiServer& server() { return *server_; }

  [[nodiscard]] shm::Fd connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = dir_.path() + "/api.sock";
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    shm::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    return fd;
  }

 private:
  test::TempDir dir_;
  NothingToSee nothing_;
  EventLog events_;
  revisions::RevisionStore store_;
  std::unique_ptr<ApiServer> server_;
};

// The preface, and settings without a word in them.
void greet(const shm::Fd& fd) {
  const std::string greeting =
      std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string("\0\0\0\4\0\0\0\0\0", 9);
  REQUIRE(::send(fd.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(greeting.size()));
}

// Whether the other end closes; reads what it says until then.
bool ends(const shm::Fd& fd) {
  std::array<char, 4096> said{};
  pollfd readable{fd.get(), POLLIN, 0};
  while (::poll(&readable, 1, 20'000) == 1) {
    if (::recv(fd.get(), said.data(), said.size(), 0) <= 0) return true;
  }
  return false;
}

TEST_CASE("a connection without a call is closed after a while") {
  World world({.idle = 100ms});
  const shm::Fd connection = world.connect();
  greet(connection);
  CHECK(ends(connection));
  CHECK(world.server().connections_refused() == 0);
}

TEST_CASE("a connection over the bound is closed and counted, and the first is served on") {
  World world({.connections = 1});
  const shm::Fd first = world.connect();
  CHECK(ends(world.connect()));
  CHECK(world.server().connections_refused() == 1);
  greet(first);
  std::array<char, 1> said{};
  CHECK(::recv(first.get(), said.data(), said.size(), 0) == 1);
}

TEST_CASE("silence is counted from the connect, whatever trickles in") {
  World world({.silence = 300ms});
  const shm::Fd connection = world.connect();
  REQUIRE(::send(connection.get(), "PRI", 3, MSG_NOSIGNAL) == 3);
  CHECK(ends(connection));
  CHECK(world.server().connections_refused() == 1);
}

TEST_CASE("who stops twice, or never started, stops") {
  World world({});
  const shm::Fd connection = world.connect();
  greet(connection);
  world.server().stop();
  world.server().stop();
  CHECK(ends(connection));
}

}  // namespace
}  // namespace pulsed::rpc
