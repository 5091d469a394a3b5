#include "deploy/demo/connection_registry.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace pulsed::demo {
namespace {

// Two connected sockets; `mine` is what a connection registers.
struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0); }
  ~Pair() {
    for (const int end : ends) ::close(end);
  }
  [[nodiscard]] int mine() const { return ends[0]; }
  [[nodiscard]] bool mine_is_shut_down() const {
    char byte;
    return ::recv(ends[0], &byte, 1, MSG_DONTWAIT) == 0;
  }
  [[nodiscard]] bool can_still_send() const { return ::send(ends[0], "x", 1, MSG_NOSIGNAL) == 1; }
  std::array<int, 2> ends{};
};

TEST_CASE("a connection is shut down when its peer let the time pass, and not before") {
  ConnectionRegistry registry;
  const Pair pair;
  ConnectionRegistry::Entry entry(registry, pair.mine());
  entry.expect_within(std::chrono::hours(1));
  registry.shut_down_expired(Clock::now());
  CHECK(!pair.mine_is_shut_down());
  registry.shut_down_expired(Clock::now() + std::chrono::hours(2));
  CHECK(pair.mine_is_shut_down());
  CHECK(!pair.can_still_send());
}

TEST_CASE("a connection whose request is worked on has no deadline") {
  ConnectionRegistry registry;
  const Pair pair;
  ConnectionRegistry::Entry entry(registry, pair.mine());
  entry.expect_within(std::chrono::seconds(1));
  entry.expect_nothing();
  registry.shut_down_expired(Clock::now() + std::chrono::hours(1000));
  CHECK(!pair.mine_is_shut_down());
}

TEST_CASE("a stopped service reads no more, and may still answer") {
  ConnectionRegistry registry;
  const Pair pair;
  const ConnectionRegistry::Entry entry(registry, pair.mine());
  registry.stop_reading();
  CHECK(pair.mine_is_shut_down());
  CHECK(pair.can_still_send());
}

TEST_CASE("an entry that ended is forgotten") {
  ConnectionRegistry registry;
  const Pair pair;
  {
    const ConnectionRegistry::Entry entry(registry, pair.mine());
    CHECK(registry.size() == 1);
  }
  CHECK(registry.size() == 0);
  registry.stop_reading();
  CHECK(!pair.mine_is_shut_down());
}

}  // namespace
}  // namespace pulsed::demo
