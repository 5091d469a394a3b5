// A service that owns its memory and abuses it, beside one that does not.
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include <doctest/doctest.h>

#include "shared_memory/layout.h"
#include "tests/integration/raw_peer.h"
#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

constexpr shm::Dimensions kDimensions{8, 64, 256, 64};

// Writes random bytes all over its segment S, as fast as it can, until it goes.
class Scribbler {
 public:
  Scribbler(const std::string& socket_path, const std::string& name, unsigned seed)
      : peer_(socket_path) {
    if (!peer_.send(make_hello(name, kDimensions)) || !peer_.receive()) {
      throw std::runtime_error("the scribbler was not let in");
    }
    end_ = peer_.open(kDimensions);
    thread_ = std::thread([this, seed] { scribble(seed); });
  }
  ~Scribbler() {
    stop_.store(true);
    thread_.join();
  }
  Scribbler(const Scribbler&) = delete;
  Scribbler& operator=(const Scribbler&) = delete;
  // Segment D, read-only.
  [[nodiscard]] shm::DaemonRegions asked() const {
    return shm::daemon_regions(end_.daemon.data(), end_.daemon_header);
  }

 private:
  void scribble(unsigned seed) {
    std::mt19937_64 random(seed);
    auto* words = reinterpret_cast<std::uint64_t*>(end_.service.data());
    const std::size_t count = end_.service.size() / sizeof(std::uint64_t);
    const shm::ServiceRegions s = shm::service_regions(end_.service.data(), end_.service_header);
    while (!stop_.load(std::memory_order_relaxed)) {
      // Plausible counts now and then, so that what lies behind them is looked at too.
      __atomic_store_n(&s.service->workers_high, random() % (kDimensions.workers + 2),
                       __ATOMIC_RELAXED);
      __atomic_store_n(&s.service->classes_high, random() % (kDimensions.classes + 2),
                       __ATOMIC_RELAXED);
      pulsed_worker_line& line = s.lines[random() % kDimensions.workers];
      __atomic_fetch_add(&line.write, random() % kDimensions.ring_samples, __ATOMIC_RELAXED);
      __atomic_store_n(&line.task, random() & 0x001f'00ff'0000'00ff, __ATOMIC_RELAXED);
      for (int i = 0; i < 64; ++i) {
        __atomic_store_n(&words[random() % count], random() >> random() % 64, __ATOMIC_RELAXED);
      }
    }
  }

  RawPeer peer_;
  shm::ServiceEnd end_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE("A service that scribbles over its memory is quarantined and harms no other") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  shop.work(0, "light", 20, 200);
  shop.work(1, "heavy", 3'000, 500);
  const int rounds = trials(5, 100);
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    const Scribbler scribbler(daemon.socket_path(), "scribbler", static_cast<unsigned>(round));
    REQUIRE(wait_until([&] {
      return daemon.sum("pulsed_quarantined", {{"service", "scribbler"}}) == 1;
    }));
    CHECK(daemon.sum("pulsed_quarantines_total") == round + 1);
    const std::uint64_t yields = shop.yields();
    CHECK(wait_until([&] { return shop.yields() > yields; }));
  }
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_service_processes") == 1; }));
  shop.idle();
  const Metrics::Labels good{{"service", "shop"}};
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_polls_total", good) == shop.polls(); }));
  const Metrics now = daemon.metrics();
  CHECK(now.sum("pulsed_yields_obeyed_total", good) == shop.yields());
  CHECK(now.sum("pulsed_rejected_records_total", good) == 0);
  CHECK(now.sum("pulsed_quarantined", good) == 0);
  CHECK(now.sum("pulsed_in_flight_longest_seconds", {{"service", "scribbler"}}) == 0);
}

TEST_CASE("A quarantined service shows no poll in flight and is asked nothing") {
  DaemonProcess daemon;
  const Scribbler scribbler(daemon.socket_path(), "scribbler", 7);
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_quarantined") == 1; }));
  CHECK(daemon.sum("pulsed_in_flight_longest_seconds") == 0);
  CHECK(daemon.sum("pulsed_in_flight_polls") == 0);
  const shm::DaemonRegions d = scribbler.asked();
  CHECK(__atomic_load_n(&d.daemon->lease_ticks, __ATOMIC_RELAXED) == 0);
  for (std::uint32_t w = 0; w < kDimensions.workers; ++w) CHECK(d.workers[w].yield_start == 0);
  for (std::uint32_t t = 0; t < kDimensions.tasks; ++t) {
    CHECK((d.tasks[t] & PULSED_DIRECTIVE_MASK) == 0);
  }
}

TEST_CASE("A service that lies about its clocks harms no other") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  shop.work(1, "heavy", 3'000, 500);
  RawPeer liar(daemon.socket_path());
  REQUIRE(liar.send(make_hello("liar", kDimensions)));
  REQUIRE(liar.receive());
  const shm::ServiceEnd end = liar.open(kDimensions);
  const shm::ServiceRegions s = shm::service_regions(end.service.data(), end.service_header);
  s.lines[0].start = 1;
  s.lines[0].task = std::uint64_t{PULSED_KIND_POLL} << PULSED_REF_KIND_SHIFT;
  s.lines[0].state = PULSED_WORKER_ATTACHED;
  __atomic_store_n(&s.service->workers_high, 1, __ATOMIC_RELEASE);
  std::mt19937_64 random(1);
  const auto odd = [&] {
    return random() % 4 == 0 ? ~(random() >> random() % 64) : random() >> random() % 64;
  };
  for (int i = 0; i < trials(20'000, 400'000); ++i) {
    __atomic_store_n(&s.lines[0].start, static_cast<std::uint64_t>(i) + 1, __ATOMIC_RELAXED);
    pulsed_clocks lies{};
    lies.magic = PULSED_ATTACH_MAGIC;
    lies.type = PULSED_MESSAGE_CLOCKS;
    lies.count = static_cast<std::uint32_t>(random() % (PULSED_CLOCKS_A_MESSAGE + 2));
    lies.at_ns = odd();
    for (std::uint32_t& worker : lies.worker) worker = static_cast<std::uint32_t>(random() % 3);
    for (std::uint64_t& cpu : lies.cpu_ns) cpu = odd();
    REQUIRE(liar.send(&lies, sizeof(lies)));
  }
  const std::uint64_t yields = shop.yields();
  CHECK(wait_until([&] { return shop.yields() > yields; }));
  CHECK(daemon.sum("pulsed_service_processes") == 2);
}

TEST_CASE("Neither segment can be shrunk or grown and the daemon's cannot be written") {
  const DaemonProcess daemon;
  RawPeer peer(daemon.socket_path());
  REQUIRE(peer.send(make_hello("shrinker")));
  REQUIRE(peer.receive());
  for (const int fd : {peer.service_fd(), peer.daemon_fd()}) {
    CHECK(::ftruncate(fd, 0) != 0);
    CHECK(::ftruncate(fd, 1 << 30) != 0);
  }
  const char byte = 1;
  CHECK(::pwrite(peer.daemon_fd(), &byte, 1, 8192) < 0);
  std::string error;
  CHECK_FALSE(shm::map_segment(peer.daemon_fd(), 4096, shm::Access::kReadWrite, error).valid());
  CHECK(daemon.sum("pulsed_service_processes") == 1);
}

}  // namespace pulsed::test
