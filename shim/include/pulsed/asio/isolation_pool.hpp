// The isolation pool of one execution context: a service of it, so that it dies with it, and the
// judge of whether tasks of that context may change threads at all.
#pragma once

#include <pulsed/asio/config.hpp>
#include <pulsed/asio/isolation_threads.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace pulsed::asio::detail {

class IsolationPool : public net::execution_context::service {
 public:
  using key_type = IsolationPool;
  inline static net::execution_context::id id;

  explicit IsolationPool(net::execution_context& owner) : net::execution_context::service(owner) {}

  // An ordinary thread runs a poll of this context. From the second such thread on, tasks may move.
  void note_thread(ThreadState& thread) noexcept {
    // relaxed, here and below: a late view only delays the first migration.
    if (several_threads_.load(std::memory_order_relaxed)) return;
    const std::uint64_t serial = serial_of(thread);
    std::uint64_t first = first_thread_.load(std::memory_order_relaxed);
    if (first == 0) {
      first_thread_.compare_exchange_strong(first, serial, std::memory_order_relaxed);
      if (first == 0) return;
    }
    if (first != serial) several_threads_.store(true, std::memory_order_relaxed);
  }

  void allow_migration(bool allowed) noexcept {
    choice_.store(allowed ? Choice::kAllowed : Choice::kForbidden, std::memory_order_relaxed);
  }

  [[nodiscard]] bool may_migrate() const noexcept {
    switch (choice_.load(std::memory_order_relaxed)) {
      case Choice::kAllowed:
        return true;
      case Choice::kForbidden:
        return false;
      case Choice::kIfThreaded:
        break;
    }
    return several_threads_.load(std::memory_order_relaxed);
  }

  [[nodiscard]] IsolationThreads& threads() noexcept { return *threads_; }

 private:
  enum class Choice : std::uint8_t { kIfThreaded, kAllowed, kForbidden };

  void shutdown() override {
    threads_->stop();
    release_worker(thread_state());
  }

  std::shared_ptr<IsolationThreads> threads_ = std::make_shared<IsolationThreads>();
  std::atomic<std::uint64_t> first_thread_{0};  // serial of the first thread that polled
  std::atomic<bool> several_threads_{false};
  std::atomic<Choice> choice_{Choice::kIfThreaded};
};

// F, kept for the pool together with a tracked executor: run() of the context does not return
// before F is done.
template <typename Inner, typename F>
class IsolatedPoll final : public IsolatedItem {
 public:
  IsolatedPoll(const Inner& inner, const net::io_context* io, F&& f)
      : work_(tracked(inner)), io_(io), f_(std::move(f)) {}

  void run() override {
    if (io_ != nullptr && io_->stopped()) {
      hand_back();
      return;
    }
    run_here();
  }

  // As part of the poll in flight on this thread of the pool, as the context would do on its own.
  void run_inline() {
    const Submitting submitting;
    run_here();
  }

  void hand_back() override { execute_on(work_, std::move(f_)); }
  void end_in_context() override {
    execute_on(work_, [] {});
  }

 private:
  void run_here() {
    std::exception_ptr error;
    try {
      f_();
    } catch (...) {
      error = std::current_exception();
    }
    // As from any handler: out of a run() of the context. Nothing of it stays with this thread.
    if (error != nullptr) {
      execute_on(work_, [e = std::move(error)] { std::rethrow_exception(e); });
    }
  }

  static auto tracked(const Inner& inner) {
    return net::prefer(net::require(inner, net::execution::blocking.never),
                       net::execution::outstanding_work.tracked);
  }
  using Work = std::decay_t<decltype(tracked(std::declval<const Inner&>()))>;

  Work work_;                  // outlives f_
  const net::io_context* io_;  // null: a context that cannot say whether it is stopped
  F f_;
};

}  // namespace pulsed::asio::detail
