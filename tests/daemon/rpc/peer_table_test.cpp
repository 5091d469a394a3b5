#include "daemon/rpc/peer_table.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <set>
#include <string>

namespace pulsed::rpc {
namespace {

std::string peer(const shm::Fd& fd) { return "fd:" + std::to_string(fd.get()); }

TEST_CASE("a number means the same peer for thousands of connections after it") {
  const auto table = std::make_unique<PeerTable>();
  const shm::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::set<int> used;
  std::string first;
  for (uid_t uid = 1; uid <= 400; ++uid) {
    const shm::Fd numbered = table->number(null.get(), uid);
    REQUIRE(numbered.valid());
    CHECK(used.insert(numbered.get()).second);
    CHECK(table->uid_of(peer(numbered)) == uid);
    CHECK((::fcntl(numbered.get(), F_GETFD) & FD_CLOEXEC) != 0);
    if (uid == 1) first = peer(numbered);
  }
  CHECK(table->uid_of(first) == uid_t{1});
}

TEST_CASE("numbers come round, and then mean the new peer") {
  const auto table = std::make_unique<PeerTable>();
  const shm::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int first = table->number(null.get(), 0).get();
  for (int i = 0; i < 2 * PeerTable::kNumbers; ++i) {
    const shm::Fd numbered = table->number(null.get(), static_cast<uid_t>(i));
    REQUIRE(numbered.valid());
    REQUIRE(numbered.get() >= first);
    REQUIRE(table->uid_of(peer(numbered)) == static_cast<uid_t>(i));
  }
}

TEST_CASE("who is no unix socket has no uid") {
  const auto table = std::make_unique<PeerTable>();
  const shm::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(table->uid_of(peer(table->number(null.get(), std::nullopt))) == std::nullopt);
  for (const char* other :
       {"", "fd:", "fd:1", "fd:-1", "fd:99999999999", "fd:1x", "unix:", "ipv4:127.0.0.1:1"}) {
    CAPTURE(other);
    CHECK(table->uid_of(other) == std::nullopt);
  }
}

}  // namespace
}  // namespace pulsed::rpc
