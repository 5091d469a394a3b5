// What runs of one context on threads that the adapter brought to it: turns of spare workers, and
// polls on the isolation pool. And who waits for them: quiesce(), fork(), and a thread of the service
// that ends once the context is stopped, so that whoever joins it knows that nothing runs.
//
// Thread-safe. Shared by the context's services, its isolation threads and the threads that wait:
// each may outlive the context.
#pragma once

#include <pulsed/asio/config.hpp>
#include <pulsed/asio/thread_state.hpp>

#include <unistd.h>

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace pulsed::asio::detail {

class InFlight {
 public:
  // Either counts the calling thread. A turn does not begin while somebody waits.
  class Turn {
   public:
    explicit Turn(InFlight& of) : of_(of.begin_turn() ? &of : nullptr) {}
    ~Turn() {
      if (of_ != nullptr) of_->end(of_->turns_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const noexcept { return of_ != nullptr; }

   private:
    InFlight* of_;
  };
  class Items {
   public:
    explicit Items(InFlight& of) : of_(of) {}
    ~Items() { end(); }
    Items(const Items&) = delete;
    Items& operator=(const Items&) = delete;
    void begin() {
      if (!std::exchange(counted_, true)) of_.begin(of_.items_);
    }
    void end() {
      if (std::exchange(counted_, false)) of_.end(of_.items_);
    }

   private:
    InFlight& of_;
    bool counted_ = false;
  };

  InFlight() = default;
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

  // The context, while it can be asked whether it is stopped.
  void open(const net::io_context& io) {
    const std::lock_guard lock(mutex_);
    io_ = &io;
  }
  void close() {
    if (getpid() != pid_) return;  // a forked child: perhaps the lock stayed behind
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

  // Waits until nothing runs, other than around the caller or others that wait here. Meanwhile no
  // turn begins.
  void wait() {
    if (getpid() != pid_) return;  // what ran stayed with the parent
    std::unique_lock lock(mutex_);
    wait(lock, [this] { return quiet(turns_) && quiet(items_); });
  }
  // The same, if the context is stopped.
  void wait_if_stopped() {
    if (getpid() != pid_) return;
    std::unique_lock lock(mutex_);
    if (io_ == nullptr || !io_->stopped()) return;
    wait(lock, [this] { return quiet(turns_) && quiet(items_); });
  }

  // Around fork(), so that no turn runs, and nobody holds the lock, in the instant of it.
  void before_fork() {
    std::unique_lock lock(mutex_);
    wait(lock, [this] { return quiet(turns_); });
    (void)lock.release();
  }
  void after_fork_in_parent() { mutex_.unlock(); }
  // Of what ran, only what the caller is part of goes on.
  void after_fork_in_child() {
    turns_ = items_ = {};
    if (running_here()) ++own().running;
    quiescing_ = 0;
    pid_ = getpid();
    mutex_.unlock();
  }

 private:
  struct Count {
    unsigned running = 0;
    unsigned waiting = 0;  // of these, those that wait themselves
  };

  static bool quiet(const Count& count) noexcept { return count.running <= count.waiting; }
  [[nodiscard]] bool running_here() const noexcept { return thread_state().in_flight == this; }
  [[nodiscard]] Count& own() noexcept { return thread_state().isolation ? items_ : turns_; }

  [[nodiscard]] bool begin_turn() {
    const std::lock_guard lock(mutex_);
    if (quiescing_ != 0) return false;
    ++turns_.running;
    thread_state().in_flight = this;
    return true;
  }
  void begin(Count& count) {
    const std::lock_guard lock(mutex_);
    ++count.running;
    thread_state().in_flight = this;
  }
  void end(Count& count) {
    const std::lock_guard lock(mutex_);
    --count.running;
    thread_state().in_flight = nullptr;
    changed_.notify_all();
  }

  template <typename Quiet>
  void wait(std::unique_lock<std::mutex>& lock, Quiet quiet) {
    const unsigned self = running_here() ? 1 : 0;
    ++quiescing_;
    own().waiting += self;
    if (self != 0) changed_.notify_all();
    changed_.wait(lock, quiet);
    own().waiting -= self;
    --quiescing_;
  }

  std::mutex mutex_;                 // guards what follows
  std::condition_variable changed_;  // something ended, or began to wait
  Count turns_;
  Count items_;
  unsigned quiescing_ = 0;               // who waits
  const net::io_context* io_ = nullptr;  // null: it cannot be asked, or not any more
  pid_t pid_ = getpid();                 // to which all of this applies
};

// The contexts that a thread of the service has run. When it ends, it waits for what still runs of
// those that are stopped: who joins the threads of a stopped context may destroy what its handlers
// use. Not the main thread, which nobody joins: its end is that of the process.
class ContextsRun {
 public:
  ContextsRun() = default;
  ~ContextsRun() {
    if (gettid() == getpid()) return;
    for (const std::weak_ptr<InFlight>& one : run_) {
      if (const auto in_flight = one.lock()) in_flight->wait_if_stopped();
    }
  }
  ContextsRun(const ContextsRun&) = delete;
  ContextsRun& operator=(const ContextsRun&) = delete;

  void add(const std::shared_ptr<InFlight>& in_flight) noexcept {
    try {
      std::erase_if(run_, [&](const std::weak_ptr<InFlight>& one) {
        const auto known = one.lock();
        return known == nullptr || known == in_flight;
      });
      run_.push_back(in_flight);
    } catch (const std::exception&) {  // out of memory: then quiesce() has to do it
    }
  }

 private:
  std::vector<std::weak_ptr<InFlight>> run_;
};

inline thread_local ContextsRun tls_contexts_run;

}  // namespace pulsed::asio::detail
