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

class AttachedWorker {
 public:
  static constexpr std::uint32_t kRing = 16384;

  explicit AttachedWorker(std::uint32_t tasks)
      : session_({.run_dir = daemon_.run_dir(), .ring_samples = kRing, .tasks = slots_for(tasks)}),
        peer_(daemon_.accept()) {
    if (!session_.wait_attached(std::chrono::seconds(10))) throw std::runtime_error("not attached");
    worker_ = std::make_unique<Worker>(session_, "bench");
    if (!worker_->attached()) throw std::runtime_error("this thread is a worker already");
    ring_ = peer_.ring(0);
    const TaskClass cls = session_.task_class("bench");
    for (std::uint32_t i = 0; i < tasks; ++i) {
      handles_.push_back(pulsed_task_open(session_.c_session(), cls.id()));
    }
    // As tasks come in a service: in no order of their slots.
    std::shuffle(handles_.begin(), handles_.end(), std::minstd_rand(1));
    empty_ring();
  }

  void empty_ring() { ring_.discard(); }
  [[nodiscard]] const std::vector<pulsed_task>& tasks() const { return handles_; }
  [[nodiscard]] Session& session() { return session_; }
  [[nodiscard]] shm::RingReader& ring() { return ring_; }
  [[nodiscard]] std::uint64_t written() const { return peer_.service.lines[0].write; }

 private:
  static std::uint32_t slots_for(std::uint32_t tasks) { return std::max(64U, tasks + 64U); }

  test::FakeDaemon daemon_;
  Session session_;
  test::FakeDaemon::Peer peer_;
  std::unique_ptr<Worker> worker_;
  shm::RingReader ring_;
  std::vector<pulsed_task> handles_;
};

}  // namespace pulsed::bench
