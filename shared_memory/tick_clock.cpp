#include "shared_memory/tick_clock.h"

#include <time.h>

#include <cstdlib>
#include <fstream>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace pulsed::shm {
namespace {

std::uint64_t monotonic_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

std::uint64_t read_tsc() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return 0;
#endif
}

bool tsc_is_invariant() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
#else
  return false;
#endif
}

// A kernel that found the counters of its CPUs apart does not keep time by them.
bool kernel_trusts_tsc() {
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string source;
  file >> source;
  return source == "tsc" || source == "kvm-clock" || source == "hyperv_clocksource_tsc_page";
}

struct Pair {
  std::uint64_t ticks;
  std::uint64_t ns;
};

// Of several readings the one with the least time between its two TSC reads: the others were interrupted.
Pair read_pair() {
  Pair best{};
  std::uint64_t least = UINT64_MAX;
  for (int i = 0; i < 16; ++i) {
    const std::uint64_t before = read_tsc();
    const std::uint64_t ns = monotonic_ns();
    const std::uint64_t after = read_tsc();
    if (after - before >= least) continue;
    least = after - before;
    best = {before + (after - before) / 2, ns};
  }
  return best;
}

std::uint64_t calibrate(std::chrono::milliseconds over) {
  const Pair begin = read_pair();
  const std::uint64_t until = begin.ns + static_cast<std::uint64_t>(over.count()) * 1'000'000U;
  while (monotonic_ns() < until) {
    const timespec nap{0, 1'000'000};
    ::nanosleep(&nap, nullptr);
  }
  const Pair end = read_pair();
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(end.ticks - begin.ticks) *
                                    1'000'000'000U / (end.ns - begin.ns));
}

}  // namespace

pulsed_clock_kind clock_kind(std::string* why) {
  const auto because = [why](const char* text) {
    if (why != nullptr) *why = text;
  };
  if (const char* forced = std::getenv("PULSED_CLOCK");
      forced != nullptr && std::string_view(forced) == "monotonic") {
    because("PULSED_CLOCK=monotonic");
    return PULSED_CLOCK_MONOTONIC;
  }
  if (!tsc_is_invariant()) {
    because("the CPU has no invariant TSC");
    return PULSED_CLOCK_MONOTONIC;
  }
  if (!kernel_trusts_tsc()) {
    because("the kernel does not keep time by the TSC");
    return PULSED_CLOCK_MONOTONIC;
  }
  because("invariant TSC, trusted by the kernel");
  return PULSED_CLOCK_TSC;
}

TickClock::TickClock(pulsed_clock_kind kind, std::chrono::milliseconds over)
    : kind_(kind),
      ticks_per_second_(kind == PULSED_CLOCK_TSC ? calibrate(over) : 1'000'000'000U),
      ns_per_tick_(static_cast<std::uint64_t>(
          (static_cast<unsigned __int128>(1'000'000'000U) << 32) / ticks_per_second_)) {}

std::uint64_t TickClock::now() const {
  return kind_ == PULSED_CLOCK_TSC ? read_tsc() : monotonic_ns();
}

}  // namespace pulsed::shm
