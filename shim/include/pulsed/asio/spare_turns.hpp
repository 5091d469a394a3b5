// What spare workers do for one io_context: run it for a bounded time, so that the service can tell
// from the threads only.
//
// Three things would show:
//   - A run_one() that finds no outstanding work stops the context; also one that its owner has just
//     restarted and is about to give work. So spare workers hold work while they are engaged, and
//     leave its end to a run() of the context, which has to do it anyway and counts it as a handler.
//   - An exception of a handler leaves through a run() of the context, so on an ordinary thread. It is
//     kept until one may be there to take it; with too many kept, no turn begins.
//   - A handler that still runs after stop(): see InFlight.
//
// Thread-safe. Nothing of the service is run or destroyed with the lock held.
#pragma once

#include <pulsed/asio/compact_inner.hpp>
#include <pulsed/asio/config.hpp>
#include <pulsed/asio/in_flight.hpp>
#include <pulsed/asio/thread_state.hpp>

#include <cxxabi.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

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
    if (thread_state().left_over) return;
    {
      const std::lock_guard lock(mutex_);
      if (--engaged_ != 0) return;
    }
    settle();
  }

  // Runs the context until the time is over. Returns how many handlers it ran, at once if the
  // context is stopped. Only pthread_exit() or a cancellation in a handler leaves as an exception,
  // and ends the engagement.
  std::uint32_t turn(std::chrono::microseconds length) {
    const auto until = std::chrono::steady_clock::now() + length;
    const InFlight::Turn in_flight(*in_flight_);
    if (!in_flight || !enter()) return 0;
    std::uint32_t ran = 0;
    // relaxed: there is room for one exception more of each turn.
    while (exceptions_.load(std::memory_order_relaxed) < kMaxKept && run_one(until)) ++ran;
    return ran;
  }

  // An ordinary thread begins a poll of the context: it is there to take exceptions.
  void ordinary_poll() noexcept {
    // relaxed: a poll that misses it leaves it to the next.
    if (due_.load(std::memory_order_relaxed)) [[unlikely]]
      settle();
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
  // The child has none of the parent's spare workers, but their work: it ends in a run() of the
  // child. Where a handler on one of them forked, that thread is the child's only one, and goes on as
  // an ordinary one.
  void after_fork_in_child() {
    if (thread_state().spare == this) thread_state().left_over = true;
    engaged_ = 0;
    mutex_.unlock();
    in_flight_->after_fork_in_child();
    settle();
  }

  // When the context dies, and no turn can begin any more.
  void shut_down() { work_.reset(); }

 private:
  using Work = tracked_executor_t<net::io_context>;
  static constexpr unsigned kMaxKept = 16;  // exceptions; beyond that nobody seems to take them

  // In flight already, so that whoever stops the context and then waits, waits for this turn.
  [[nodiscard]] bool enter() noexcept {
    const std::lock_guard lock(mutex_);
    if (kept_.size() >= kMaxKept || io_.stopped()) return false;
    if (thread_state().left_over) return true;
    try {
      kept_.reserve(kMaxKept + engaged_);  // one that is thrown must be kept
    } catch (const std::exception&) {
      return false;
    }
    if (!work_) {
      work_.emplace(net::require(io_.get_executor(), net::execution::outstanding_work.tracked));
    }
    return true;
  }

  // False: the time is over, or the context is stopped. A forced unwind is no object, and the
  // reference that catches it is null: nothing for UBSan to say.
  __attribute__((no_sanitize("null"))) bool run_one(std::chrono::steady_clock::time_point until) {
    try {
      return io_.run_one_until(until) != 0;
    } catch (abi::__forced_unwind&) {
      end();
      throw;
    } catch (...) {
      if (thread_state().left_over) std::terminate();  // there is no run() to leave through
      const std::lock_guard lock(mutex_);
      kept_.push_back(std::current_exception());
      exceptions_.fetch_add(1, std::memory_order_relaxed);
      due_.store(true, std::memory_order_relaxed);
      return true;
    }
  }

  // Posts what has to happen in a run() of the context and is not on its way there.
  void settle() noexcept {
    bool rethrow = false;
    bool release = false;
    {
      const std::lock_guard lock(mutex_);
      due_.store(false, std::memory_order_relaxed);
      rethrow = !kept_.empty() && !std::exchange(rethrow_queued_, true);
      release = engaged_ == 0 && work_ && !std::exchange(release_queued_, true);
      if (kept_.empty()) rethrow_queued_ = false;
    }
    if (rethrow && !post([this] { rethrow_one(); })) try_again(rethrow_queued_);
    if (release && !post([this] { release_work(); })) try_again(release_queued_);
  }

  // A spare worker leaves it to the next ordinary thread.
  void rethrow_one() {
    std::exception_ptr error;
    {
      const std::lock_guard lock(mutex_);
      rethrow_queued_ = false;
      due_.store(true, std::memory_order_relaxed);
      if (kept_.empty() || thread_state().spare != nullptr) return;
      error = std::move(kept_.front());
      kept_.erase(kept_.begin());
      exceptions_.fetch_sub(1, std::memory_order_relaxed);
    }
    settle();
    std::rethrow_exception(std::move(error));
  }

  // The last turn may have been the context's last work. In a handler that never shows.
  void release_work() {
    std::optional<Work> released;
    const std::lock_guard lock(mutex_);
    release_queued_ = false;
    if (engaged_ == 0 && kept_.empty()) released.swap(work_);
  }

  // Out of memory: with the next poll.
  void try_again(bool& queued) noexcept {
    const std::lock_guard lock(mutex_);
    queued = false;
    due_.store(true, std::memory_order_relaxed);
  }

  template <typename F>
  [[nodiscard]] bool post(F&& f) noexcept {
    try {
      execute_on(net::require(io_.get_executor(), net::execution::blocking.never),
                 std::forward<F>(f));
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  net::io_context& io_;
  const std::shared_ptr<InFlight> in_flight_;
  std::atomic<unsigned> exceptions_{0};   // how many are kept
  std::atomic<bool> due_{false};          // settle() may find something to do
  std::mutex mutex_;                      // guards what follows
  std::optional<Work> work_;              // from the first turn of an engagement on
  std::vector<std::exception_ptr> kept_;  // of handlers, not yet taken by an ordinary thread
  unsigned engaged_ = 0;                  // spare workers between begin() and end()
  bool rethrow_queued_ = false;           // a handler that takes one of those is on its way
  bool release_queued_ = false;           // one that ends the work is on its way
};

}  // namespace pulsed::asio::detail
