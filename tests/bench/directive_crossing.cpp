#include "tests/bench/directive_crossing.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include <pulsed/shim.hpp>

#include "daemon/act/directive_writer.h"
#include "daemon/collect/in_flight.h"
#include "shared_memory/tick_clock.h"
#include "tests/bench/machine.h"
#include "tests/support/fake_daemon.h"

namespace pulsed::bench {
namespace {

using Ticks = std::vector<std::uint64_t>;

// Of which threads each writes its own, at its own index, and reads the other's only after both have ended.
std::vector<double> differences(const shm::TickClock& clock, const Ticks& from, const Ticks& to) {
  std::vector<double> ns;
  for (std::size_t i = 0; i < from.size(); ++i) {
    // The counters of two CPUs may differ by a few ticks.
    ns.push_back(to[i] > from[i] ? static_cast<double>(clock.to_ns(to[i] - from[i])) : 0);
  }
  return ns;
}

// A few hundred nanoseconds to some microseconds, so that the other thread spins by then.
void spin_briefly(std::minstd_rand& random) {
  const std::uint64_t end = pulsed_now() + 1'000 + random() % 4'000;
  while (pulsed_now() < end) {
  }
}

constexpr std::size_t kLine = 64;

struct Lines {
  alignas(kLine) std::atomic<std::uint64_t> word{0};
  alignas(kLine) std::atomic<std::uint64_t> seen{0};
};

}  // namespace

struct DirectiveCrossing::State {
  test::FakeDaemon daemon;
  Session session{{.service = "crossing", .run_dir = daemon.run_dir()}};
  test::FakeDaemon::Peer peer = daemon.accept();
  act::DirectiveWriter directives{peer.daemon, peer.dimensions, {.enforce = true}};
  shm::TickClock clock;
  std::optional<Worker> worker;
  std::optional<Task> task;
};

DirectiveCrossing::DirectiveCrossing() : state_(std::make_unique<State>()) {
  State& s = *state_;
  if (!s.session.wait_attached(std::chrono::seconds{10})) throw std::runtime_error("not attached");
  s.worker.emplace(s.session, "asked");
  if (!s.worker->attached()) throw std::runtime_error("this thread is a worker already");
  s.task.emplace(s.session.open(s.session.task_class("asked")));
}
DirectiveCrossing::~DirectiveCrossing() = default;

std::vector<double> DirectiveCrossing::directives(std::size_t polls) {
  State& s = *state_;
  const pulsed_worker_line& shared = s.peer.service.lines[0];
  Ticks asked(polls);
  Ticks seen(polls);
  std::atomic<bool> in_vain{false};
  // Started first: it would inherit the CPU of this one.
  std::thread asks([&] {
    const Pinned there(1);
    std::minstd_rand random(1);
    std::uint64_t last = 0;
    for (std::uint64_t& at : asked) {
      auto line = collect::read_line(shared);
      while (!line || line->task == 0 || line->start == last) {
        if (in_vain.load(std::memory_order_relaxed)) return;
        line = collect::read_line(shared);
      }
      last = line->start;
      spin_briefly(random);
      at = pulsed_now();
      s.directives.ask_yield(0, last, policy::ClassId{1});
    }
  });
  const Pinned here(0);
  const std::uint64_t patience = pulsed_now() + s.clock.to_ticks(std::chrono::seconds{60});
  for (std::size_t i = 0; i < polls && !in_vain; ++i) {
    const PollScope poll(*s.task);
    for (unsigned looks = 1; !should_yield(); ++looks) {
      if (looks % 65'536 == 0 && pulsed_now() > patience) in_vain = true;
      if (in_vain) break;
    }
    seen[i] = pulsed_now();
  }
  asks.join();
  if (in_vain) throw std::runtime_error("a directive was never seen");
  return differences(s.clock, asked, seen);
}

std::vector<double> DirectiveCrossing::bare_stores(std::size_t stores) {
  Lines lines;
  Ticks stored(stores);
  Ticks seen(stores);
  std::thread writes([&] {
    const Pinned there(1);
    std::minstd_rand random(1);
    for (std::size_t i = 0; i < stores; ++i) {
      while (lines.seen.load(std::memory_order_acquire) != i) {
      }
      spin_briefly(random);
      stored[i] = pulsed_now();
      lines.word.store(i + 1, std::memory_order_release);
    }
  });
  const Pinned here(0);
  for (std::size_t i = 0; i < stores; ++i) {
    while (lines.word.load(std::memory_order_acquire) != i + 1) {
    }
    seen[i] = pulsed_now();
    lines.seen.store(i + 1, std::memory_order_release);
  }
  writes.join();
  return differences(state_->clock, stored, seen);
}

}  // namespace pulsed::bench
