// Children of a service: silent, and no reason to believe a dead service alive.
#include <csignal>

#include <doctest/doctest.h>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

const Metrics::Labels kShop{{"service", "shop"}};

std::uint64_t sum_of(const nlohmann::json& counters, const char* what) {
  std::uint64_t sum = 0;
  for (const nlohmann::json& worker : counters.at("workers"))
    sum += worker.at(what).get<std::uint64_t>();
  return sum;
}

// A process of nobody's own, ended with the test.
struct Holder {
  pid_t pid;
  ~Holder() { ::kill(pid, SIGKILL); }
};

}  // namespace

TEST_CASE("Forks without exec from eight threads stay silent while their parent goes on") {
  constexpr unsigned kThreads = 8;
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir(), {.workers = kThreads});
  REQUIRE(shop.wait_attached());
  for (unsigned w = 0; w < kThreads; ++w) {
    shop.work(w, w % 2 == 0 ? "light" : "heavy", w % 2 == 0 ? 20 : 3'000, 0);
  }
  REQUIRE(wait_until([&] { return shop.yields() > 0; }));
  const auto each = static_cast<unsigned>(trials(8, 100));
  shop.fork_from_workers(each);
  REQUIRE(wait_until([&] { return sum_of(shop.counters(), "children") == each * kThreads; },
                     milliseconds{100'000}));
  const std::uint64_t after_forks = shop.polls();
  REQUIRE(wait_until([&] { return shop.polls() > after_forks + 100; }));
  shop.idle();
  CHECK(sum_of(shop.counters(), "children_not_inert") == 0);
  CHECK(shop.attached());
  // Not one poll of a child among them.
  CHECK(wait_until([&] { return daemon.sum("pulsed_polls_total", kShop) == shop.polls(); }));
  const Metrics now = daemon.metrics();
  CHECK(now.sum("pulsed_rejected_records_total") == 0);
  CHECK(now.sum("pulsed_attaches_total") == 1);
  CHECK(now.sum("pulsed_service_workers", kShop) == kThreads);
  CHECK_FALSE(now.has("pulsed_polls_total", {{"class", "of/a/child"}}));
  CHECK(now.sum("pulsed_yields_obeyed_total", kShop) == shop.yields());
}

TEST_CASE("A child that holds the socket keeps no dead service alive") {
  DaemonProcess daemon;
  auto shop = std::make_unique<ServiceProgram>(daemon.run_dir());
  REQUIRE(shop->wait_attached());
  shop->work(0, "light", 20, 100);
  const Holder holder{shop->fork_holder()};
  shop->process().kill();
  CHECK(wait_until([&] { return daemon.sum("pulsed_service_processes", kShop) == 0; }));
  REQUIRE(::kill(holder.pid, 0) == 0);  // the child was there all the while
  shop = std::make_unique<ServiceProgram>(daemon.run_dir());
  CHECK(wait_until([&] { return daemon.sum("pulsed_service_processes", kShop) == 1; }));
}

}  // namespace pulsed::test
