// A session attached to a daemon that is played in this process, and tasks to poll.
#pragma once

#include <pulsed/shim.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "tests/support/fake_daemon.h"

namespace pulsed::bench {

class AttachedService {
 public:
  static constexpr std::uint32_t kRing = 16384;

  // For so many workers, at most, and tasks of theirs in all.
  explicit AttachedService(std::uint32_t tasks, std::uint32_t workers = 1)
      : session_({.run_dir = daemon_.run_dir(),
                  .workers = workers,
                  .ring_samples = kRing,
                  .tasks = slots_for(tasks, workers)}),
        peer_(daemon_.accept()) {
    if (!session_.wait_attached(std::chrono::seconds(10))) throw std::runtime_error("not attached");
  }

  [[nodiscard]] Session& session() { return session_; }
  [[nodiscard]] const pulsed_worker_line& line(std::uint32_t worker) const {
    return peer_.service.lines[worker];
  }
  [[nodiscard]] shm::RingReader ring(std::uint32_t worker) const { return peer_.ring(worker); }
  // As tasks come in a service: in no order of their slots.
  [[nodiscard]] std::vector<pulsed_task> open_tasks(std::uint32_t count) {
    const TaskClass cls = session_.task_class("bench");
    std::vector<pulsed_task> tasks;
    for (std::uint32_t i = 0; i < count; ++i) {
      tasks.push_back(pulsed_task_open(session_.c_session(), cls.id()));
    }
    std::shuffle(tasks.begin(), tasks.end(), std::minstd_rand(1));
    return tasks;
  }

 private:
  // Workers are dealt slots by the cache line.
  static std::uint32_t slots_for(std::uint32_t tasks, std::uint32_t workers) {
    return tasks + 64 * workers;
  }

  test::FakeDaemon daemon_;
  Session session_;
  test::FakeDaemon::Peer peer_;
};

// The calling thread as the only worker of such a service.
class AttachedWorker {
 public:
  explicit AttachedWorker(std::uint32_t tasks)
      : service_(tasks), worker_(service_.session(), "bench"), ring_(service_.ring(0)) {
    if (!worker_.attached()) throw std::runtime_error("this thread is a worker already");
    handles_ = service_.open_tasks(tasks);
    empty_ring();
  }

  void empty_ring() { ring_.discard(); }
  [[nodiscard]] const std::vector<pulsed_task>& tasks() const { return handles_; }
  [[nodiscard]] Session& session() { return service_.session(); }
  [[nodiscard]] shm::RingReader& ring() { return ring_; }
  [[nodiscard]] std::uint64_t written() const { return service_.line(0).write; }
  [[nodiscard]] std::uint64_t dropped() const { return service_.line(0).dropped; }

 private:
  AttachedService service_;
  Worker worker_;
  shm::RingReader ring_;
  std::vector<pulsed_task> handles_;
};

}  // namespace pulsed::bench
