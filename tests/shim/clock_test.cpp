#include <pulsed/shim.h>

#include <doctest/doctest.h>
#include <time.h>

#include "shared_memory/tick_clock.h"

namespace {

TEST_CASE("inline code and the library choose the same clock") {
  CHECK((pulsed_clock_is_tsc != 0) == (pulsed::shm::clock_kind() == PULSED_CLOCK_TSC));
}

TEST_CASE("the shim's clock reads what a tick clock reads") {
  const pulsed::shm::TickClock clock;
  const uint64_t before = clock.now();
  const uint64_t now = pulsed_now();
  CHECK(now >= before);
  CHECK(now <= clock.now());
}

TEST_CASE("the portable clock is the monotonic one in nanoseconds") {
  const auto monotonic = [] {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(t.tv_nsec);
  };
  const uint64_t before = monotonic();
  const uint64_t now = pulsed_now_portable();
  CHECK(now >= before);
  CHECK(now <= monotonic());
}

TEST_CASE("inline code without a TSC takes the portable clock") {
  const uint32_t was = pulsed_clock_is_tsc;
  pulsed_clock_is_tsc = 0;
  const uint64_t before = pulsed_now_portable();
  const uint64_t now = pulsed_now();
  CHECK(now >= before);
  CHECK(now <= pulsed_now_portable());
  pulsed_clock_is_tsc = was;
}

}  // namespace
