// A run loop with spare workers, played by the test: its workers hold a poll or not, its turns are counted.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/shim/attached_service.h"

namespace pulsed::test {

// Lets a condition that another thread brings about come true.
template <typename Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kLong;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// What spare workers serve. A turn takes its time, unless the loop is stopped.
struct ServedLoop {
  std::atomic<int> begins{0};
  std::atomic<int> ends{0};
  std::atomic<int> turns{0};
  std::atomic<int> running{0};  // turns now
  std::atomic<bool> stopped{false};
  std::function<void()> in_turn;  // set before it is served

  [[nodiscard]] SparesOptions options(std::uint32_t count = 0, std::uint32_t from_workers = 0) {
    return {.turn = turn,
            .begin = [](void* self) { ++static_cast<ServedLoop*>(self)->begins; },
            .end = [](void* self) { ++static_cast<ServedLoop*>(self)->ends; },
            .context = this,
            .count = count,
            .from_workers = from_workers};
  }
  static std::uint32_t turn(void* self, std::uint32_t microseconds) {
    auto& loop = *static_cast<ServedLoop*>(self);
    ++loop.running;
    ++loop.turns;
    if (loop.in_turn) loop.in_turn();
    if (!loop.stopped) std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    --loop.running;
    return 0;
  }
};

// A worker on a thread of its own, which serves a run loop and holds a poll when told to.
class LoopWorker {
 public:
  LoopWorker(Session& session, const Spares& spares, const Task& task)
      : thread_([this, &session, &spares, &task] { run(session, spares, task); }) {
    wait_for(State::kIdle);
  }
  ~LoopWorker() {
    go(State::kGone);
    thread_.join();
  }
  LoopWorker(const LoopWorker&) = delete;
  LoopWorker& operator=(const LoopWorker&) = delete;

  void hold() { go(State::kHolding); }
  void let_go() { go(State::kIdle); }

 private:
  enum class State { kNone, kIdle, kHolding, kGone };

  void run(Session& session, const Spares& spares, const Task& task) {
    const Worker worker(session, "loop");
    spares.served_by_this_worker();
    reach(State::kIdle);
    while (true) {
      const State wanted = await_wish();
      if (wanted == State::kHolding) {
        const PollScope poll(task);
        reach(State::kHolding);
        if (await_wish() == State::kGone) break;
      }
      if (wanted == State::kGone) break;
      reach(State::kIdle);
    }
    reach(State::kGone);
  }
  State await_wish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return wish_ != state_; });
    return wish_;
  }
  void reach(State state) {
    const std::lock_guard lock(mutex_);
    state_ = state;
    if (wish_ == State::kNone) wish_ = state;
    changed_.notify_all();
  }
  void go(State state) {
    {
      const std::lock_guard lock(mutex_);
      wish_ = state;
    }
    changed_.notify_all();
    wait_for(state);
  }
  void wait_for(State state) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return state_ == state; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kNone;
  State wish_ = State::kNone;
  std::thread thread_;
};

// A service with a run loop, `count` workers that serve it, and its spare workers.
struct LoopService : AttachedService {
  explicit LoopService(int count = 2, SparesOptions options = {}, SessionOptions s = {})
      : AttachedService(s), spares(session, options.turn != nullptr ? options : loop.options()) {
    for (int i = 0; i < count; ++i) add_worker();
  }
  ~LoopService() {
    workers.clear();
    spares.close();
  }
  LoopService(const LoopService&) = delete;
  LoopService& operator=(const LoopService&) = delete;

  void add_worker() { workers.push_back(std::make_unique<LoopWorker>(session, spares, task)); }
  // Lines of the present attachment.
  [[nodiscard]] std::vector<std::uint32_t> lines_of(std::uint32_t kind) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t i = 0; i < peer.dimensions.workers; ++i) {
      if (__atomic_load_n(&line(i).state, __ATOMIC_ACQUIRE) == (kind | PULSED_WORKER_ATTACHED)) {
        found.push_back(i);
      }
    }
    return found;
  }
  [[nodiscard]] std::vector<std::uint32_t> spare_lines() const {
    return lines_of(PULSED_WORKER_SPARE);
  }
  void await_spares(std::size_t count) {
    REQUIRE(eventually([&] { return spare_lines().size() == count; }));
  }
  void tell_all(std::uint32_t what) {
    for (const std::uint32_t spare : spare_lines()) peer.tell_spare(spare, what);
  }

  ServedLoop loop;
  TaskClass cls = session.task_class("a");
  Task task{};  // none: workers may hold it at once
  Spares spares;
  std::vector<std::unique_ptr<LoopWorker>> workers;
};

// Two workers, one of which is held, and a spare worker.
struct Held : LoopService {
  explicit Held(SparesOptions options = {}) : LoopService(2, options) {
    await_spares(2);
    spare = spare_lines().front();
    workers[0]->hold();
  }
  void run() { peer.tell_spare(spare, PULSED_SPARE_RUN); }
  void park() { peer.tell_spare(spare, PULSED_SPARE_PARK); }
  bool serves() {
    const int before = loop.turns;
    return eventually([&] { return loop.turns > before; });
  }
  bool all_parked() {
    return eventually([&] { return loop.begins == loop.ends; });
  }
  std::uint32_t spare = 0;
};

// How often that thread of ours gave up its processor.
inline std::uint64_t switches_of(std::uint32_t tid) {
  std::ifstream status("/proc/self/task/" + std::to_string(tid) + "/status");
  std::string word;
  std::uint64_t count = 0;
  while (status >> word) {
    if (word == "voluntary_ctxt_switches:") status >> count;
  }
  return count;
}

}  // namespace pulsed::test
