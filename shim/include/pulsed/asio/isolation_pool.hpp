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

  // An ordinary thread begins a poll of this context, its outermost. From the moment that two have
  // been seen polling at the same time, tasks may move; threads that only took turns prove nothing.
  // True: end_seen() must follow at the end.
  [[nodiscard]] bool begin_seen(const ThreadState& thread) noexcept {
    // relaxed: only delays the first migration.
    if (several_threads_.load(std::memory_order_relaxed)) return false;
    // One exchange: of two polls that begin together, which perhaps never end, the later one sees the
    // other. acq_rel: one that ended before this one is not seen.
    const ThreadState* const other = polling_.exchange(&thread, std::memory_order_acq_rel);
    if (other != nullptr && other != &thread) {
      several_threads_.store(true, std::memory_order_relaxed);
    }
    return true;
  }
  // Of two that overlap the later one has told already: nothing to lose with its mark.
  void end_seen() noexcept { polling_.store(nullptr, std::memory_order_release); }

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
    return several_threads();
  }
  [[nodiscard]] bool forbids_migration() const noexcept {
    return choice_.load(std::memory_order_relaxed) == Choice::kForbidden;
  }
  [[nodiscard]] bool several_threads() const noexcept {
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
  // The ordinary thread in a poll, while not several have been seen; only ever compared.
  std::atomic<const ThreadState*> polling_{nullptr};
  std::atomic<bool> several_threads_{false};
  std::atomic<Choice> choice_{Choice::kIfThreaded};
};

// F, kept for the pool together with a tracked executor: run() of the context does not return
// before F is done.
template <typename Inner, typename F>
class IsolatedPoll final : public IsolatedItem {
 public:
  IsolatedPoll(const Inner& inner, const net::io_context* io, const Origin& origin, F&& f)
      : IsolatedItem(origin), work_(tracked(inner)), io_(io), f_(std::move(f)) {}

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
