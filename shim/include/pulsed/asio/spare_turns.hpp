// What spare workers do for one io_context: run it for a bounded time, without anybody being able
// to tell but by the time it took.
//
// Three things would show:
//   - A run_one() that finds no outstanding work stops the context; also one that its owner has just
//     restarted and is about to give work. So spare workers hold work while they are engaged, and
//     leave its end to a run() of the context, which has to do it anyway.
//   - An exception of a handler leaves through a run() of the context, so on an ordinary thread.
//     Until one has taken it, no turn begins: a spare worker would only find it again.
//   - A handler that still runs after stop(): see InFlight.
//
// Thread-safe. Nothing of the service is run or destroyed with the lock held.
#pragma once

#include <pulsed/asio/compact_inner.hpp>
#include <pulsed/asio/config.hpp>
#include <pulsed/asio/in_flight.hpp>
#include <pulsed/asio/thread_state.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace pulsed::asio::detail {

class SpareTurns {
 public:
  explicit SpareTurns(net::io_context& io,
                      std::shared_ptr<InFlight> in_flight = std::make_shared<InFlight>())
      : io_(io), in_flight_(std::move(in_flight)) {}
  SpareTurns(const SpareTurns&) = delete;
  SpareTurns& operator=(const SpareTurns&) = delete;

  // Around the turns of a spare worker of that session, on its thread: the shim has made that a
  // worker already.
  void begin(pulsed_session* session) noexcept {
    ThreadState& thread = thread_state();
    thread.session = session;
    thread.spare = this;
    const std::lock_guard lock(mutex_);
    ++engaged_;
  }
  void end() noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (forked_ || --engaged_ != 0 || !work_ || release_queued_) return;
      release_queued_ = true;
    }
    queue_release();
  }

  // Runs the context until the time is over. Returns how many handlers it ran, at once if the
  // context is stopped.
  std::uint32_t turn(std::chrono::microseconds length) noexcept {
    const auto until = std::chrono::steady_clock::now() + length;
    const InFlight::Turn in_flight(*in_flight_);
    if (!in_flight || !enter()) return 0;
    std::uint32_t ran = 0;
    // relaxed: one handler more would do no harm.
    while (exceptions_.load(std::memory_order_relaxed) == 0 && run_one(until)) ++ran;
    return ran;
  }

  // Around fork(), so that no turn runs, and nobody holds a lock, in the instant of it.
  void before_fork() {
    in_flight_->before_fork();
    mutex_.lock();
  }
  void after_fork_in_parent() {
    mutex_.unlock();
    in_flight_->after_fork_in_parent();
  }
  // The child has no spare workers, but their work: it ends in a run() of the child. Where a handler
  // on a spare worker forked, that thread is the child's only one, and goes on as an ordinary one.
  void after_fork_in_child() {
    forked_ = true;
    engaged_ = 0;
    const bool queue = work_ && !release_queued_;
    release_queued_ = release_queued_ || queue;
    mutex_.unlock();
    in_flight_->after_fork_in_child();
    if (queue) queue_release();
  }

  // When the context dies, and no turn can begin any more.
  void shut_down() { work_.reset(); }

 private:
  using Work = tracked_executor_t<net::io_context>;

  // An exception of a handler on its way to an ordinary thread.
  struct Rethrow {
    SpareTurns& turns;
    std::exception_ptr error;
    void operator()() {
      if (thread_state().spare != nullptr) {
        turns.post(Rethrow{turns, std::move(error)});
        return;
      }
      turns.exceptions_.fetch_sub(1, std::memory_order_relaxed);
      std::rethrow_exception(std::move(error));
    }
  };

  // In flight already, so that whoever stops the context and then waits, waits for this turn.
  [[nodiscard]] bool enter() noexcept {
    const std::lock_guard lock(mutex_);
    if (exceptions_.load(std::memory_order_relaxed) != 0 || io_.stopped()) return false;
    if (!work_ && !forked_) {
      work_.emplace(net::require(io_.get_executor(), net::execution::outstanding_work.tracked));
    }
    return true;
  }

  // False: the time is over, or the context is stopped.
  bool run_one(std::chrono::steady_clock::time_point until) noexcept {
    try {
      return io_.run_one_until(until) != 0;
    } catch (...) {
      if (forked_) std::terminate();  // there is no run() to leave through
      exceptions_.fetch_add(1, std::memory_order_relaxed);
      post(Rethrow{*this, std::current_exception()});
      return true;
    }
  }

  // The last turn may have been the context's last work. In a handler that never shows.
  void queue_release() noexcept {
    post([this] {
      std::optional<Work> released;
      const std::lock_guard lock(mutex_);
      release_queued_ = false;
      if (engaged_ == 0) released.swap(work_);
    });
  }

  template <typename F>
  void post(F&& f) noexcept {
    execute_on(net::require(io_.get_executor(), net::execution::blocking.never),
               std::forward<F>(f));
  }

  net::io_context& io_;
  const std::shared_ptr<InFlight> in_flight_;
  std::atomic<unsigned> exceptions_{0};  // queued, and not yet taken by an ordinary thread
  std::mutex mutex_;                     // guards what follows
  std::optional<Work> work_;             // from the first turn of an engagement on
  unsigned engaged_ = 0;                 // spare workers between begin() and end()
  bool release_queued_ = false;          // a handler that ends the work is on its way
  bool forked_ = false;                  // we are in a child
};

}  // namespace pulsed::asio::detail
