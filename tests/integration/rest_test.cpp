// What a daemon does while the services beside it do nothing.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "tests/support/daemon_process.h"
#include "tests/support/service_program.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr milliseconds kRestTick{10};  // the default

// How often each thread of the process, and of its children, let go of its CPU by itself, so was woken since: by name.
std::map<std::string, std::uint64_t> wakings_of(pid_t pid) {
  std::map<std::string, std::uint64_t> all;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    std::ifstream status(task.path() / "status");
    for (std::string key; status >> key;) {
      std::uint64_t count = 0;
      if (key == "voluntary_ctxt_switches:" && status >> count) all[name] += count;
    }
    std::ifstream children(task.path() / "children");
    for (pid_t child = 0; children >> child;) all.merge(wakings_of(child));
  }
  return all;
}

// Its threads have timers of their own.
bool of_grpc(const std::string& name) {
  return name.starts_with("grpc_") || name == "timer_manager" || name == "nexting_thread" ||
         name == "event_engine" || name == "resolver-execut" || name == "default-executo";
}

void let_pass(milliseconds time) {
  const Clock::time_point end = Clock::now() + time;
  REQUIRE(wait_until([&] { return Clock::now() >= end; }, 2 * time));
}

}  // namespace

TEST_CASE(
    "Beside services at rest the control loop wakes no oftener than its rest tick and all else "
    "hardly") {
  DaemonProcess daemon;
  ServiceProgram shop(daemon.run_dir());
  REQUIRE(shop.wait_attached());
  // It had something to do before.
  shop.work(0, "busy", 100, 1000);
  REQUIRE(wait_until([&] { return shop.polls("busy") > 20; }));
  shop.idle();
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_polls_total") == shop.polls(); }));
  let_pass(milliseconds{500} * slowness());

  const auto before = wakings_of(daemon.process().pid());
  const Clock::time_point begin = Clock::now();
  let_pass(milliseconds{1000});
  const auto after = wakings_of(daemon.process().pid());
  const auto ticks = (Clock::now() - begin) / kRestTick;
  REQUIRE(after.contains("pulsed-loop"));
  REQUIRE(after.contains("pulsed-http"));
  for (const auto& [name, count] : after) {
    CAPTURE(name);
    REQUIRE(before.contains(name));
    const std::uint64_t wakings = count - before.at(name);
    if (name == "pulsed-loop") {
      CHECK(wakings > 0);
      CHECK(wakings <= static_cast<std::uint64_t>(ticks) + 2);
    } else if (name == "pulsed-http") {
      // The alarm of the last request's timeouts, which its end does not put off.
      CHECK(wakings <= 2);
    } else if (name == "pulsed-history") {
      // Twice a second it asks the loop for a snapshot and for details, and waits for each.
      CHECK(wakings <= 12);
    } else if (name.starts_with("pulsed-api-")) {
      // Those that ring for watchers look five times a second whether the daemon ends.
      CHECK(wakings <= 10);
    } else if (of_grpc(name)) {
      CHECK(wakings <= 10);
    } else {
      CHECK(wakings == 0);
    }
  }
}

}  // namespace pulsed::test
