// Whoever connects to the attach socket: older, newer, mute, talkative, many. The daemon lives and serves the rest.
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <list>
#include <thread>

#include <doctest/doctest.h>

#include "tests/integration/raw_peer.h"
#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

constexpr milliseconds kSoon{10'000};

bool serves_others(const DaemonProcess& daemon) {
  ServiceProgram shop(daemon.run_dir());
  return shop.wait_attached() &&
         wait_until([&] { return daemon.sum("pulsed_service_processes") >= 1; });
}

std::uint32_t status_of(const DaemonProcess& daemon, const pulsed_hello& hello) {
  RawPeer peer(daemon.socket_path());
  CHECK(peer.send(hello));
  const std::optional<pulsed_welcome> welcome = peer.receive();
  REQUIRE(welcome);
  CHECK(std::string(welcome->reason).empty() == (welcome->status == PULSED_ATTACH_OK));
  if (welcome->status != PULSED_ATTACH_OK) CHECK(peer.hung_up_within(kSoon));
  return welcome->status;
}

}  // namespace

TEST_CASE("A service of another ABI major is refused and told why") {
  const DaemonProcess daemon;
  pulsed_hello hello = make_hello("of-tomorrow");
  hello.abi_major = PULSED_ABI_MAJOR + 1;
  CHECK(status_of(daemon, hello) == PULSED_ATTACH_WRONG_ABI);
  hello.abi_major = 0;
  CHECK(status_of(daemon, hello) == PULSED_ATTACH_WRONG_ABI);
  CHECK(wait_until([&] { return daemon.sum("pulsed_attaches_refused_total") == 2; }));
  CHECK(serves_others(daemon));
}

TEST_CASE("Services of older and newer ABI minors attach together") {
  const DaemonProcess daemon;
  std::list<RawPeer> peers;
  for (const int minor : {0, 1, 65'535}) {
    pulsed_hello hello = make_hello("minor-" + std::to_string(minor));
    hello.abi_minor = static_cast<std::uint16_t>(minor);
    hello.features = ~std::uint64_t{0};
    RawPeer& peer = peers.emplace_back(daemon.socket_path());
    CHECK(peer.send(hello));
    const std::optional<pulsed_welcome> welcome = peer.receive();
    REQUIRE(welcome);
    CHECK(welcome->status == PULSED_ATTACH_OK);
    CHECK(welcome->abi_minor == PULSED_ABI_MINOR);
    CHECK(peer.open().service.valid());
  }
  CHECK(wait_until([&] { return daemon.sum("pulsed_service_processes") == 3; }));
}

TEST_CASE("Hellos that ask for what cannot be are refused") {
  const DaemonProcess daemon;
  const auto status_with = [&](const shm::Dimensions& d) {
    return status_of(daemon, make_hello("odd", d));
  };
  constexpr std::uint32_t kHuge = UINT32_MAX;
  CHECK(status_with({0, 64, 64, 8}) == PULSED_ATTACH_BAD_HELLO);
  CHECK(status_with({2, 63, 64, 8}) == PULSED_ATTACH_BAD_HELLO);
  CHECK(status_with({2, 65, 64, 8}) == PULSED_ATTACH_BAD_HELLO);
  CHECK(status_with({2, 64, 0, 8}) == PULSED_ATTACH_BAD_HELLO);
  CHECK(status_with({2, 64, 64, 0}) == PULSED_ATTACH_BAD_HELLO);
  CHECK(status_with({kHuge, kHuge, kHuge, kHuge}) == PULSED_ATTACH_BAD_HELLO);
  pulsed_hello hello = make_hello("odd");
  hello.magic = 0;
  CHECK(status_of(daemon, hello) == PULSED_ATTACH_BAD_HELLO);
  hello = make_hello("odd");
  hello.type = PULSED_MESSAGE_CLOCKS;
  CHECK(status_of(daemon, hello) == PULSED_ATTACH_BAD_HELLO);
  CHECK(serves_others(daemon));
}

TEST_CASE("Messages of the wrong size end a connection and nothing else") {
  const DaemonProcess daemon;
  const std::string junk(65'536, '\xff');
  for (const std::size_t size : {std::size_t{1}, sizeof(pulsed_hello) - 1, sizeof(pulsed_hello) + 1,
                                 sizeof(pulsed_clocks), junk.size()}) {
    CAPTURE(size);
    RawPeer peer(daemon.socket_path());
    REQUIRE(peer.send(junk.data(), size));
    const std::optional<pulsed_welcome> welcome = peer.receive();
    REQUIRE(welcome);
    CHECK(welcome->status == PULSED_ATTACH_BAD_HELLO);
    CHECK(peer.hung_up_within(kSoon));
  }
  // After the hello nonsense is skipped, as a newer minor might say more.
  RawPeer attached(daemon.socket_path());
  REQUIRE(attached.send(make_hello("talkative")));
  REQUIRE(attached.receive());
  for (int i = 0; i < 100; ++i) {
    attached.send(junk.data(), static_cast<std::size_t>(i + 1));
    attached.send(junk.data(), sizeof(pulsed_clocks));
  }
  CHECK(serves_others(daemon));
  CHECK(daemon.sum("pulsed_service_processes", {{"service", "talkative"}}) == 1);
}

TEST_CASE("A name full of control characters is shown without them") {
  const DaemonProcess daemon;
  RawPeer peer(daemon.socket_path());
  REQUIRE(peer.send(make_hello("evil\n\x1b[2Jname\"")));
  REQUIRE(peer.receive());
  CHECK(wait_until([&] { return daemon.sum("pulsed_service_processes") == 1; }));
  CHECK(daemon.log().find('\x1b') == std::string::npos);
  CHECK(wait_until([&] { return daemon.log().find("evil??[2Jname\"") != std::string::npos; }));
}

TEST_CASE(
    "A refused program whose file name is full of control characters is logged without them") {
  const DaemonProcess daemon({.config = "attach: {allow_uids: [64999]}\n"});
  const TempDir dir;
  const std::string program = dir.path() + "/evil\n\x1b[2Jname";
  std::filesystem::copy_file(PULSED_BIN_DIR "/tests/integration_service", program);
  const Process refused(Command{program, {daemon.run_dir(), "", "1", "0"}, {}});
  CHECK(wait_until([&] { return daemon.log().find("evil??[2Jname (pid") != std::string::npos; }));
  CHECK(daemon.log().find('\x1b') == std::string::npos);
}

TEST_CASE("A connection that says nothing is dropped") {
  const DaemonProcess daemon;
  const RawPeer mute(daemon.socket_path());
  CHECK_FALSE(mute.hung_up_within(milliseconds{500} / slowness()));
  CHECK(mute.hung_up_within(kSoon));
}

// UBSan looks through a pipe whether an object's memory can be read, and where no descriptor is left
// takes it for bad.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::array<rlim_t, 1> kFloodDescriptors{4096};
#else
constexpr std::array<rlim_t, 2> kFloodDescriptors{128, 4096};
#endif

TEST_CASE("A flood of mute connections passes and services attach after it") {
  // More than the daemon may have descriptors for, and then more than it takes at a time.
  for (const rlim_t descriptors : kFloodDescriptors) {
    CAPTURE(descriptors);
    DaemonProcess daemon({.descriptors = descriptors});
    {
      std::list<RawPeer> flood;
      for (int i = 0; i < 1000; ++i) {
        try {
          flood.emplace_back(daemon.socket_path());
        } catch (const std::runtime_error&) {
          break;  // refused already here: the test's own limit, or a full backlog
        }
      }
      CHECK(flood.size() >= 100);
      CHECK(serves_others(daemon));
    }
    CHECK(serves_others(daemon));
    // Refused once each at most, not once a turn of a loop that finds no descriptor.
    CHECK(daemon.sum("pulsed_attaches_refused_total") <= 1000);
    // What is refused in numbers is not logged in numbers.
    CHECK(daemon.log().size() < 100'000);
  }
}

TEST_CASE("A storm of connections does not keep the daemon from attaching others or from ending") {
  DaemonProcess daemon;
  std::atomic<bool> stop{false};
  std::list<std::thread> storm;
  for (int i = 0; i < 16; ++i) {
    storm.emplace_back([&] {
      while (!stop.load()) {
        try {
          const RawPeer peer(daemon.socket_path());
        } catch (const std::runtime_error&) {
          if (stop.load()) return;  // until then: a full backlog, or an ending daemon
        }
      }
    });
  }
  CHECK(serves_others(daemon));
  daemon.process().signal(SIGTERM);
  CHECK(daemon.process().wait_end() == Ended{.code = 0});
  stop.store(true);
  for (std::thread& thread : storm) thread.join();
}

}  // namespace pulsed::test
