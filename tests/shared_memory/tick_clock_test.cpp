#include "shared_memory/tick_clock.h"

#include <doctest/doctest.h>
#include <time.h>

#include <cstdlib>
#include <string>

namespace pulsed::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class Environment {
 public:
  explicit Environment(const char* value) { ::setenv("PULSED_CLOCK", value, 1); }
  ~Environment() { ::unsetenv("PULSED_CLOCK"); }
};

nanoseconds monotonic() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
}

TEST_CASE("the environment forces the portable clock and says so") {
  const Environment forced("monotonic");
  std::string why;
  CHECK(clock_kind(&why) == PULSED_CLOCK_MONOTONIC);
  CHECK(why == "PULSED_CLOCK=monotonic");
}

TEST_CASE("another value in the environment decides nothing") {
  const pulsed_clock_kind kind = clock_kind();
  const Environment odd("sundial");
  CHECK(clock_kind() == kind);
}

TEST_CASE("the choice of clock comes with its reason") {
  std::string why;
  CHECK(clock_kind(&why) != PULSED_CLOCK_NONE);
  CHECK_FALSE(why.empty());
}

TEST_CASE("the portable clock ticks in nanoseconds of the monotonic clock") {
  const TickClock clock(PULSED_CLOCK_MONOTONIC);
  CHECK(clock.ticks_per_second() == 1'000'000'000);
  const auto before = static_cast<std::uint64_t>(monotonic().count());
  const std::uint64_t now = clock.now();
  CHECK(now >= before);
  CHECK(now <= static_cast<std::uint64_t>(monotonic().count()));
  CHECK(clock.to_ns(123'456'789) == 123'456'789);
  CHECK(clock.to_ticks(milliseconds(5)) == 5'000'000);
}

TEST_CASE("ticks turned to nanoseconds keep pace with the monotonic clock") {
  const TickClock clock;
  const nanoseconds began = monotonic();
  const std::uint64_t first = clock.now();
  while (monotonic() - began < milliseconds(50)) continue;
  const std::uint64_t last = clock.now();
  const auto passed = static_cast<double>((monotonic() - began).count());
  // The readings of the two clocks may be a time slice apart on a busy machine.
  const auto by_ticks = static_cast<double>(clock.to_ns(last - first));
  CHECK(by_ticks <= passed * 1.001);
  CHECK(by_ticks >= 50e6 * 0.999);
}

TEST_CASE("durations survive the way to ticks and back") {
  const TickClock clock;
  for (const nanoseconds d : {nanoseconds(0), nanoseconds(1000), nanoseconds(milliseconds(1)),
                              nanoseconds(std::chrono::hours(24 * 365))}) {
    const auto back = static_cast<double>(clock.to_ns(clock.to_ticks(d)));
    CHECK(back == doctest::Approx(static_cast<double>(d.count())).epsilon(1e-3));
  }
}

TEST_CASE("a tick clock never runs backwards on its thread") {
  for (const pulsed_clock_kind kind : {clock_kind(), PULSED_CLOCK_MONOTONIC}) {
    const TickClock clock(kind, milliseconds(1));
    std::uint64_t last = clock.now();
    for (int i = 0; i < 10'000; ++i) {
      const std::uint64_t now = clock.now();
      REQUIRE(now >= last);
      last = now;
    }
  }
}

}  // namespace
}  // namespace pulsed::shm
