// A service attached to a daemon that the test plays, and what its tests read back.
#pragma once

#include <doctest/doctest.h>
#include <pulsed/shim.hpp>

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/fake_daemon.h"

namespace pulsed::test {

inline constexpr std::chrono::seconds kLong{
    10};  // a bound on waiting, never reached by a sound build

// Trials: `all` with PULSED_TEST_FULL set, else `some`.
inline int trials(int some, int all) {
  return std::getenv("PULSED_TEST_FULL") != nullptr ? all : some;
}

// What a session said.
class Log {
 public:
  static void add(void* self, const char* message) {
    auto* log = static_cast<Log*>(self);
    const std::lock_guard lock(log->mutex_);
    log->lines_.emplace_back(message);
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

struct AttachedService {
  explicit AttachedService(SessionOptions options = {}) : session(with_daemon(options)) {
    accept();
  }

  void accept() {
    peer = daemon.accept();
    REQUIRE(session.wait_attached(kLong));
  }
  // As when the daemon is killed and started again.
  void lose_daemon_and_accept() {
    peer.socket.reset();
    while (session.attached()) std::this_thread::yield();
    accept();
  }

  [[nodiscard]] const pulsed_worker_line& line(std::uint32_t worker = 0) const {
    return peer.service.lines[worker];
  }
  // Of those that only spare workers get.
  [[nodiscard]] std::uint32_t first_spare_line() const { return peer.dimensions.workers / 2; }
  [[nodiscard]] const pulsed_class_totals& totals(TaskClass cls, std::uint32_t worker = 0) const {
    return peer.service.totals[std::size_t{worker} * peer.dimensions.classes + cls.id()];
  }
  [[nodiscard]] std::uint32_t identity(pulsed_task task) const {
    return peer.service.identity[task.ref & PULSED_REF_SLOT_MASK];
  }

  FakeDaemon daemon;
  Log log;
  Session session;
  FakeDaemon::Peer peer;

 private:
  SessionOptions with_daemon(SessionOptions options) {
    options.run_dir = daemon.run_dir();
    options.log = Log::add;
    options.log_context = &log;
    return options;
  }
};

// The task reference in a sample or line, without kind and flags.
inline std::uint64_t task_of(std::uint64_t ref) {
  return ref & ((std::uint64_t{1} << PULSED_REF_KIND_SHIFT) - 1);
}
inline std::uint32_t kind_of(std::uint64_t ref) {
  return ref >> PULSED_REF_KIND_SHIFT & PULSED_REF_KIND_MASK;
}
inline std::uint32_t class_of(std::uint64_t ref) {
  return ref >> PULSED_REF_CLASS_SHIFT & PULSED_REF_CLASS_MASK;
}
inline std::uint64_t wall_of(pulsed_sample s) { return s.span & PULSED_SPAN_WALL_MAX; }
inline std::uint64_t cpu_of(pulsed_sample s) {
  return (s.span >> PULSED_SPAN_CPU_SHIFT) * PULSED_SPAN_CPU_UNIT;
}

inline std::vector<pulsed_sample> drain(shm::RingReader& reader) {
  std::vector<pulsed_sample> samples;
  CHECK(reader.drain(UINT32_MAX, [&](pulsed_sample s) { samples.push_back(s); }));
  return samples;
}

// Those of one kind only.
inline std::vector<pulsed_sample> drain(shm::RingReader& reader, pulsed_record_kind kind) {
  std::vector<pulsed_sample> samples = drain(reader);
  std::erase_if(samples, [&](const pulsed_sample& s) { return kind_of(s.ref) != kind; });
  return samples;
}

// Gives up the processor, so that the kernel clears the mark of the poll in flight.
// Long enough that the timer cannot have gone off before the thread is off its CPU.
inline void be_descheduled() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace pulsed::test
