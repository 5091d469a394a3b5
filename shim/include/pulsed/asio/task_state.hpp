// A task as its executors share it, and one poll of it.
#pragma once

#include <pulsed/asio/isolation_pool.hpp>
#include <pulsed/asio/spare_workers.hpp>
#include <pulsed/asio/thread_state.hpp>
#include <pulsed/shim.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace pulsed::asio::detail {

// Where a task's functions go when they do not go to the inner executor, and who may take over from
// the threads that run that.
struct Home {
  IsolationPool* pool = nullptr;        // null: the inner executor has no execution context
  SpareWorkers* spares = nullptr;       // null: the context is not known to be an io_context
  const net::io_context* io = nullptr;  // the context, where it can be asked whether it is stopped
  bool migratable = false;      // the inner executor promises nothing that another thread breaks
  bool run_loop_known = false;  // otherwise a thread that polls here serves what it did before
};

// Owns the task; closed with the last executor and the last queued function.
class TaskState {
 public:
  TaskState(Task&& task, const Home& home)
      : home_(home),
        task_(std::move(task)),
        session_(task_.c_session()),
        ref_(task_.handle().ref) {}
  TaskState(const TaskState&) = delete;
  TaskState& operator=(const TaskState&) = delete;

  void set_class(TaskClass cls) {
    task_.set_class(cls);
    ref_.store(task_.handle().ref, std::memory_order_relaxed);
  }
  // relaxed: other threads may queue functions while the poll gives the task another class; either
  // value is right then.
  [[nodiscard]] pulsed_task handle() const noexcept {
    return {ref_.load(std::memory_order_relaxed)};
  }
  [[nodiscard]] std::uint32_t directive() const noexcept {
    return session_ == nullptr ? 0 : pulsed_task_directive(session_, handle());
  }
  [[nodiscard]] std::uint32_t weight() const noexcept {
    return session_ == nullptr ? PULSED_WEIGHT_ORDINARY : pulsed_task_weight(session_, handle());
  }
  [[nodiscard]] bool goes_to_pool() const noexcept {
    return home_.migratable && home_.pool->may_migrate() &&
           (directive() & PULSED_DIRECTIVE_ISOLATE) != 0;
  }
  [[nodiscard]] const Home& home() const noexcept { return home_; }
  [[nodiscard]] pulsed_session* session() const noexcept { return session_; }
  [[nodiscard]] IsolatedItem::Origin origin() const noexcept { return {session_, handle(), this}; }

 private:
  friend class TaskStatePtr;
  std::atomic<std::uint32_t> owners_{1};
  const Home home_;
  Task task_;
  pulsed_session* const session_;
  std::atomic<std::uint64_t> ref_;  // the handle, for threads other than the polling one
};

// A shared pointer of 8 bytes.
class TaskStatePtr {
 public:
  TaskStatePtr(Task&& task, const Home& home) : state_(new TaskState(std::move(task), home)) {}
  TaskStatePtr(const TaskStatePtr& other) noexcept : state_(other.state_) {
    // relaxed: the copied pointer keeps it alive.
    if (state_ != nullptr) state_->owners_.fetch_add(1, std::memory_order_relaxed);
  }
  TaskStatePtr(TaskStatePtr&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  TaskStatePtr& operator=(TaskStatePtr other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~TaskStatePtr() {
    // acq_rel: the last owner sees all that the others did with the task.
    if (state_ != nullptr && state_->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      end(state_);
  }
  [[nodiscard]] TaskState* get() const noexcept { return state_; }
  TaskState* operator->() const noexcept { return state_; }
  TaskState& operator*() const noexcept { return *state_; }
  friend bool operator==(const TaskStatePtr&, const TaskStatePtr&) noexcept = default;

 private:
  // Inlined, GCC 12 takes the count of one owner for a use after the end by another (-Wuse-after-free).
  [[gnu::noinline]] static void end(TaskState* state) { delete state; }

  TaskState* state_;
};

// One poll, on the thread and for the scope in which it lives. `enqueued`: when it was queued, in
// ticks; 0: it was not.
class Poll {
 public:
  Poll(ThreadState& thread, const TaskState& state, std::uint64_t enqueued) noexcept
      : thread_(thread), outer_(std::exchange(thread.current, &state)) {
    IsolationPool* const pool = state.home().pool;
    const bool outermost = outer_ == nullptr && thread.ordinary();
    if (outermost && pool != nullptr && pool->begin_seen(thread)) noticed_by_ = pool;
    seen_ = is_worker_of(thread, state.session());
    if (!seen_) return;
    if (outermost && state.home().run_loop_known) serve(thread, state.home().spares);
    const pulsed_task task = state.handle();
    pulsed_poll_begin(task);
    if (enqueued != 0) pulsed_queue_wait_since(task, enqueued);
  }
  ~Poll() {
    if (seen_) pulsed_poll_end();
    thread_.current = outer_;
    if (noticed_by_ != nullptr) [[unlikely]]
      noticed_by_->end_seen();
  }
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

 private:
  ThreadState& thread_;
  const TaskState* outer_;
  IsolationPool* noticed_by_ = nullptr;
  bool seen_;
};

// F as a poll of the task. Run inline, within a poll of the same task, it is part of that poll.
template <typename F>
class PollFunction {
 public:
  template <typename G>
  PollFunction(TaskStatePtr state, G&& f)
      : state_(std::move(state)), enqueued_(pulsed_now()), f_(std::forward<G>(f)) {}

  [[nodiscard]] const TaskState& task() const noexcept { return *state_; }

  void operator()() {
    ThreadState& thread = thread_state();
    const bool within = std::exchange(thread.submitting, false);
    if (within && thread.current == state_.get()) {
      f_();
      return;
    }
    const Poll poll(thread, *state_, within ? 0 : enqueued_);
    f_();
  }

 private:
  TaskStatePtr state_;  // outlives f_, so that a task is never closed while another thread polls it
  std::uint64_t enqueued_;
  F f_;
};

}  // namespace pulsed::asio::detail
