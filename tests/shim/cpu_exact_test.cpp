// A poll flagged CPU-exact was never descheduled: checked poll by poll against the kernel's own count of context switches,
// and over all polls against the thread clock.
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <cstdlib>

#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

int polls_in_all() { return std::getenv("PULSED_TEST_FULL") != nullptr ? 30'000 : 5'000; }

long switches() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

std::uint64_t read_ns(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

// What the kernel says of a stretch inside a poll.
struct Witness {
  long switches;
  std::uint64_t cpu_ns;
  std::uint64_t wall_ns;
};

Witness burn(bool block) {
  Witness w{switches(), read_ns(CLOCK_THREAD_CPUTIME_ID), read_ns(CLOCK_MONOTONIC)};
  const std::uint64_t until = w.cpu_ns + 50'000;
  if (block) be_descheduled();
  while (read_ns(CLOCK_THREAD_CPUTIME_ID) < until) continue;
  return {switches() - w.switches, read_ns(CLOCK_THREAD_CPUTIME_ID) - w.cpu_ns,
          read_ns(CLOCK_MONOTONIC) - w.wall_ns};
}

struct Tally {
  std::uint64_t exact = 0, others = 0, lies = 0;
  std::uint64_t exact_cpu = 0, exact_wall = 0, other_cpu = 0, other_wall = 0;

  void count(bool flagged, const Witness& w) {
    (flagged ? exact : others) += 1;
    (flagged ? exact_cpu : other_cpu) += w.cpu_ns;
    (flagged ? exact_wall : other_wall) += w.wall_ns;
    if (flagged && w.switches != 0) ++lies;
  }
};

struct Polled {
  std::uint32_t tid = 0;
  std::vector<Witness> witnesses;  // poll by poll
};

// How each poll ends and the next begins.
enum class Between { kEndAndBegin, kNext };

Polled poll_many(Session& session, TaskClass cls, int polls, Between between,
                 std::barrier<>& all_attached) {
  Polled polled{static_cast<std::uint32_t>(::gettid()), {}};
  polled.witnesses.reserve(static_cast<std::size_t>(polls));
  const Worker worker(session);
  all_attached.arrive_and_wait();  // so that each has a line, and a ring, to itself
  const Task task = session.open(cls);
  PollLoop loop;
  for (int i = 0; i < polls; ++i) {
    if (between == Between::kEndAndBegin) loop.end();
    loop.next(task);
    polled.witnesses.push_back(burn(i % 50 == 0));
  }
  return polled;
}

void check_exact_polls(Between between) {
  const auto threads = 2 * std::max(1U, std::thread::hardware_concurrency());
  const int polls = (polls_in_all() + static_cast<int>(threads) - 1) / static_cast<int>(threads);
  AttachedService s({.ring_samples = 65536});
  const TaskClass cls = s.session.task_class("a");
  std::vector<shm::RingReader> rings;
  for (std::uint32_t w = 0; w < threads; ++w) rings.push_back(s.peer.ring(w));

  std::vector<Polled> polled(threads);
  std::barrier all_attached(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::thread> workers;
  for (Polled& mine : polled) {
    workers.emplace_back([&] { mine = poll_many(s.session, cls, polls, between, all_attached); });
  }
  for (std::thread& worker : workers) worker.join();

  Tally tally;
  for (std::uint32_t w = 0; w < threads; ++w) {
    const auto mine = std::find_if(polled.begin(), polled.end(),
                                   [&](const Polled& p) { return p.tid == s.line(w).tid; });
    REQUIRE(mine != polled.end());
    const std::vector<pulsed_sample> samples = drain(rings[w], PULSED_KIND_POLL);
    REQUIRE(samples.size() == mine->witnesses.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      tally.count((samples[i].ref & PULSED_FLAG_CPU_EXACT) != 0, mine->witnesses[i]);
    }
  }
  MESSAGE(tally.exact, " polls CPU exact, ", tally.others, " not, ", tally.lies,
          " wrongly flagged");
  CHECK(tally.lies == 0);
  // That most polls are exact, and some not, is what makes the check worth something.
  CHECK(tally.others >= static_cast<std::uint64_t>(polls) / 50);
  CHECK(tally.exact > tally.others);
  // The hypervisor may take time from an exact poll that the thread clock leaves out; on the whole they agree.
  CHECK(static_cast<double>(tally.exact_cpu) > 0.8 * static_cast<double>(tally.exact_wall));
}

TEST_CASE("under twice as many threads as cores no poll flagged CPU exact was descheduled") {
  check_exact_polls(Between::kEndAndBegin);
}

TEST_CASE("the same of polls that follow each other, whose mark is set once for many") {
  check_exact_polls(Between::kNext);
}

TEST_CASE("a poll that sleeps is never CPU exact") {
  AttachedService s;
  const Worker worker(s.session);
  const Task task = s.session.open(s.session.task_class("a"));
  shm::RingReader ring = s.peer.ring(0);
  constexpr std::size_t kPolls = 500;
  for (std::size_t i = 0; i < kPolls; ++i) {
    const PollScope poll(task);
    // Long enough that the kernel does not find the time over before it puts the thread to sleep.
    std::this_thread::sleep_for(std::chrono::microseconds(100 + i % 200));
  }
  const std::vector<pulsed_sample> polls = drain(ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == kPolls);
  for (const pulsed_sample& p : polls) CHECK((p.ref & PULSED_FLAG_CPU_EXACT) == 0);
}

}  // namespace
}  // namespace pulsed::test
