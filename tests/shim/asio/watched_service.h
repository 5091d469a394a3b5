// A service on Asio as a test sees it: a session attached to a daemon driven by hand, and what both
// wrote down.
//
// The io_context is the test's own, declared after this, as in a real service.
#pragma once

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <pulsed/asio.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_daemon.h"

namespace pulsed::test {

struct WatchedService {
  FakeDaemon daemon;
  Session session{{.service = "asio-test", .run_dir = daemon.run_dir(), .workers = 16}};
  FakeDaemon::Peer peer = daemon.accept();
  TaskClass cls = session.task_class("test");

  WatchedService() { session.wait_attached(std::chrono::seconds(10)); }

  // Over all workers. Exact once they are at rest.
  [[nodiscard]] pulsed_class_totals totals(TaskClass of) const {
    pulsed_class_totals sum{};
    for (std::size_t worker = 0; worker < peer.dimensions.workers; ++worker) {
      const auto& t = peer.service.totals[worker * peer.dimensions.classes + of.id()];
      sum.polls += __atomic_load_n(&t.polls, __ATOMIC_RELAXED);
      sum.yields += __atomic_load_n(&t.yields, __ATOMIC_RELAXED);
      sum.queue_waits += __atomic_load_n(&t.queue_waits, __ATOMIC_RELAXED);
      sum.queue_wait_ticks += __atomic_load_n(&t.queue_wait_ticks, __ATOMIC_RELAXED);
    }
    return sum;
  }
  [[nodiscard]] std::uint64_t polls() const { return totals(cls).polls; }

  // Of all but spare workers.
  [[nodiscard]] std::vector<std::uint32_t> worker_states() const {
    std::vector<std::uint32_t> states;
    for (std::size_t worker = 0; worker < peer.dimensions.workers; ++worker) {
      const auto state = __atomic_load_n(&peer.service.lines[worker].state, __ATOMIC_ACQUIRE);
      if (state != PULSED_WORKER_FREE && (state & PULSED_WORKER_SPARE) == 0) {
        states.push_back(state);
      }
    }
    return states;
  }
  [[nodiscard]] std::uint32_t state_of(pulsed_task task) const {
    const auto slot = task.ref & PULSED_REF_SLOT_MASK;
    return __atomic_load_n(&peer.service.identity[slot], __ATOMIC_ACQUIRE) &
           PULSED_IDENTITY_STATE_MASK;
  }

  [[nodiscard]] std::vector<std::uint32_t> spares() const {
    std::vector<std::uint32_t> lines;
    for (std::uint32_t worker = 0; worker < peer.dimensions.workers; ++worker) {
      const auto state = __atomic_load_n(&peer.service.lines[worker].state, __ATOMIC_ACQUIRE);
      if (state == (PULSED_WORKER_ATTACHED | PULSED_WORKER_SPARE)) lines.push_back(worker);
    }
    return lines;
  }
  // Ordinary workers that serve a run loop with spare workers.
  [[nodiscard]] int serving() const {
    int count = 0;
    for (std::uint32_t worker = 0; worker < peer.dimensions.workers; ++worker) {
      const auto& line = peer.service.lines[worker];
      count += __atomic_load_n(&line.state, __ATOMIC_ACQUIRE) == PULSED_WORKER_ATTACHED &&
                       __atomic_load_n(&line.run_loop, __ATOMIC_RELAXED) != 0
                   ? 1
                   : 0;
    }
    return count;
  }
  void tell_spares(std::uint32_t what) {
    for (const std::uint32_t worker : spares()) peer.tell_spare(worker, what);
  }
  void wait_for_spares(std::size_t count) const {
    while (spares().size() < count) std::this_thread::yield();
  }

  void isolate(pulsed_task task) { peer.ask_task(task, PULSED_DIRECTIVE_ISOLATE); }
  void release(pulsed_task task) { peer.ask_task(task, PULSED_DIRECTIVE_NONE); }

  // Asks the poll in flight of that class to yield. The daemon would find it just so.
  void ask_to_yield() {
    for (std::uint32_t worker = 0; worker < peer.dimensions.workers; ++worker) {
      const auto& line = peer.service.lines[worker];
      const std::uint64_t task = __atomic_load_n(&line.task, __ATOMIC_ACQUIRE);
      if (task == 0 || (task >> PULSED_REF_CLASS_SHIFT & PULSED_REF_CLASS_MASK) != cls.id()) {
        continue;
      }
      peer.ask_to_yield(worker, __atomic_load_n(&line.start, __ATOMIC_ACQUIRE));
    }
  }
};

// Never inlined: compilers keep pthread_self() while a stackful coroutine changes threads.
[[gnu::noinline]] inline std::string thread_name() {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}
inline bool on_isolation_thread() { return thread_name().starts_with("pulsed-iso-"); }

inline bool on_spare_thread() { return thread_name().starts_with("pulsed-spare-"); }

inline int thread_nice() {
  return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
}

// Lets a condition that another thread brings about come true; a test that waits in vain fails by
// its time limit.
template <typename Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

// Threads that run a context until it is out of work.
template <typename Context>
class Runners {
 public:
  Runners(Context& context, int count) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([&context] { context.run(); });
    }
  }
  ~Runners() { join(); }
  Runners(const Runners&) = delete;
  Runners& operator=(const Runners&) = delete;
  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  std::vector<std::thread> threads_;
};

}  // namespace pulsed::test
