// pulsed-peers-requests: writes light requests to its output at random moments, until nobody reads.
//
// A request is eight bytes: the CLOCK_MONOTONIC nanosecond it was meant to be sent at, in the
// machine's byte order. One program makes them for all runtimes of the comparison, so that they
// come at the same moments to each.
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace {

using Nanoseconds = std::int64_t;
constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr std::size_t kMostKept = 1 << 20;

Nanoseconds now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

void sleep_until(Nanoseconds when) {
  const timespec t{when / kSecond, when % kSecond};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) != 0) {
  }
}

bool take_realtime_priority() {
  sched_param lowest{};
  lowest.sched_priority = 1;
  return ::sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Writes light requests to standard output at random moments (Poisson), at SCHED_FIFO 1 where "
      "it\n"
      "may, until nobody reads them. Then says on standard error how late it was, as JSON."};
  double rate = 1000;
  std::uint64_t seed = 1;
  app.add_option("--rate", rate, "requests a second")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  app.add_option("--seed", seed, "equal seeds give equal schedules")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const bool realtime = take_realtime_priority();

  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(rate / static_cast<double>(kSecond));
  std::vector<Nanoseconds> lateness;
  lateness.reserve(kMostKept);  // touched now, and not while requests are due
  const Nanoseconds start = now();
  for (double elapsed = gap(random);; elapsed += gap(random)) {
    const Nanoseconds intended = start + static_cast<Nanoseconds>(elapsed);
    sleep_until(intended);
    if (lateness.size() < kMostKept) lateness.push_back(now() - intended);
    if (::write(STDOUT_FILENO, &intended, sizeof(intended)) != sizeof(intended)) break;
  }
  std::sort(lateness.begin(), lateness.end());
  std::fprintf(stderr, "{\"realtime\": %s, \"late_p99_ns\": %lld, \"late_max_ns\": %lld}\n",
               realtime ? "true" : "false",
               static_cast<long long>(lateness[lateness.size() * 99 / 100]),
               static_cast<long long>(lateness.back()));
  return 0;
}
