// The spare workers of one io_context, for each session whose workers run it: a service of the
// context, so that they are joined before it dies.
#pragma once

#include <pulsed/asio/config.hpp>
#include <pulsed/asio/isolation_pool.hpp>
#include <pulsed/asio/spare_turns.hpp>
#include <pulsed/asio/thread_state.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <mutex>
#include <optional>

namespace pulsed::asio::detail {

inline constexpr unsigned kMaxSpareWorkers = 256;

class SpareWorkers : public net::execution_context::service {
 public:
  using key_type = SpareWorkers;
  inline static net::execution_context::id id;

  // `owner` is an io_context.
  explicit SpareWorkers(net::execution_context& owner)
      : net::execution_context::service(owner),
        io_(static_cast<net::io_context&>(owner)),
        pool_(net::use_service<IsolationPool>(owner)),
        turns_(io_, pool_.threads().in_flight()) {
    pool_.threads().in_flight()->open(io_);
  }

  [[nodiscard]] net::io_context& io() const noexcept { return io_; }
  [[nodiscard]] IsolationPool& pool() const noexcept { return pool_; }
  [[nodiscard]] SpareTurns& turns() noexcept { return turns_; }

  // Which run loop a thread serves that runs this context: unique over the process, never 0, and
  // another one from then on whenever threads must ask serving() again.
  [[nodiscard]] std::uint64_t run_loop() const noexcept {
    // relaxed: a thread that asks one poll late only gets its stand-in late.
    return run_loop_.load(std::memory_order_relaxed);
  }
  void ask_again() noexcept { run_loop_.store(next_run_loop(), std::memory_order_relaxed); }

  // What a worker of that session serves when it runs this context; null: nothing that has spare
  // workers.
  [[nodiscard]] pulsed_spares* serving(pulsed_session* session) noexcept {
    const std::lock_guard lock(mutex_);
    if (pool_.forbids_migration() || chosen_ == 0U) return nullptr;
    for (const OfSession& known : sessions_) {
      if (known.session == session) return known.spares;
    }
    return open(session);
  }

  // False if out of [0, 256], or once they are set up.
  bool choose(unsigned count, bool beside_single_thread) {
    const std::lock_guard lock(mutex_);
    if (count > kMaxSpareWorkers || !sessions_.empty()) return false;
    chosen_ = count;
    beside_single_thread_ = beside_single_thread;
    ask_again();
    return true;
  }

 private:
  struct OfSession {
    SpareWorkers& context;
    pulsed_session* session;
    pulsed_spares* spares;
    bool opted_in;  // to more than one thread, where the service itself has only one
  };

  static std::uint64_t next_run_loop() noexcept {
    static std::atomic<std::uint64_t> last{0};
    // relaxed: only uniqueness matters.
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  // With the lock held. What cannot be opened is not tried again by this thread.
  pulsed_spares* open(pulsed_session* session) noexcept {
    try {
      OfSession& opened =
          sessions_.emplace_back(OfSession{*this, session, nullptr, beside_single_thread_});
      pulsed_spares_options options{};
      options.size = sizeof(options);
      options.turn = [](void* of, std::uint32_t microseconds) {
        return turn(*static_cast<OfSession*>(of), microseconds);
      };
      options.begin = [](void* of) {
        const auto& self = *static_cast<OfSession*>(of);
        self.context.turns_.begin(self.session);
      };
      options.end = [](void* of) { static_cast<OfSession*>(of)->context.turns_.end(); };
      options.context = &opened;
      options.count = chosen_.value_or(0);
      options.from_workers = opened.opted_in ? 1 : 0;
      opened.spares = pulsed_spares_open(session, &options);
      if (opened.spares != nullptr) return opened.spares;
      sessions_.pop_back();
    } catch (const std::exception&) {  // out of memory
    }
    return nullptr;
  }

  static std::uint32_t turn(OfSession& of, std::uint32_t microseconds) {
    SpareWorkers& self = of.context;
    const bool safe = of.opted_in || self.pool_.several_threads();
    if (!safe || self.pool_.forbids_migration()) return 0;
    return self.turns_.turn(std::chrono::microseconds(microseconds));
  }

  void shutdown() override {
    pool_.threads().in_flight()->close();
    std::list<OfSession> closing;
    {
      const std::lock_guard lock(mutex_);
      closing.swap(sessions_);
      chosen_ = 0;
    }
    for (const OfSession& of : closing) pulsed_spares_close(of.spares);
    turns_.shut_down();
  }

  void notify_fork(net::execution_context::fork_event event) override {
    switch (event) {
      case net::execution_context::fork_prepare:
        turns_.before_fork();
        mutex_.lock();
        break;
      case net::execution_context::fork_parent:
        mutex_.unlock();
        turns_.after_fork_in_parent();
        break;
      case net::execution_context::fork_child:
        mutex_.unlock();
        turns_.after_fork_in_child();
        break;
    }
  }

  net::io_context& io_;
  IsolationPool& pool_;
  SpareTurns turns_;
  std::atomic<std::uint64_t> run_loop_{next_run_loop()};
  std::mutex mutex_;                // guards what follows
  std::list<OfSession> sessions_;   // spare workers point to their own
  std::optional<unsigned> chosen_;  // by the service: how many
  bool beside_single_thread_ = false;
};

// Says what this thread serves, where it has not yet: between polls, and a worker of the session.
[[gnu::noinline, gnu::cold]] inline void change_run_loop(ThreadState& thread, SpareWorkers* spares,
                                                         std::uint64_t run_loop) noexcept {
  thread.run_loop = run_loop;
  if (spares != nullptr) tls_contexts_run.add(spares->pool().threads().in_flight());
  pulsed_worker_serves(spares == nullptr ? nullptr : spares->serving(thread.session));
}

inline void serve(ThreadState& thread, SpareWorkers* spares) noexcept {
  const std::uint64_t run_loop = spares == nullptr ? 0 : spares->run_loop();
  if (spares != nullptr) spares->turns().ordinary_poll();
  if (thread.run_loop != run_loop && thread.session != nullptr) [[unlikely]] {
    change_run_loop(thread, spares, run_loop);
  }
}

}  // namespace pulsed::asio::detail
