// The threads of one isolation pool and the queue they serve, started one by one as work comes.
//
// The queue is fair: while task classes contend, each holds these threads for times in proportion to the
// weight that the policy gives it, and none waits for ever (weighted_queue.hpp). A class is charged for
// its polls once they end (poll_cost.hpp): one that goes on is never cut short for another class.
// Weights hold within a pool; those of several contexts contend as the kernel's threads do.
//
// Thread-safe. Owned by the pool's service and, jointly, by its threads, so that a thread that
// itself destroys the context still finds its queue. Nothing of the service is ever run or
// destroyed with the lock held.
#pragma once

#include <pulsed/shim.h>
#include <pulsed/asio/in_flight.hpp>
#include <pulsed/asio/isolated_item.hpp>
#include <pulsed/asio/poll_cost.hpp>
#include <pulsed/asio/thread_state.hpp>
#include <pulsed/asio/weighted_queue.hpp>

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace pulsed::asio::detail {

inline constexpr int kIsolationNice = 13;  // a share of 5 % beside a normal thread
inline constexpr unsigned kMaxIsolationThreads = 256;

class IsolationThreads : public std::enable_shared_from_this<IsolationThreads> {
 public:
  IsolationThreads() : limit_(std::max(1U, std::thread::hardware_concurrency())), pid_(getpid()) {}
  IsolationThreads(const IsolationThreads&) = delete;
  IsolationThreads& operator=(const IsolationThreads&) = delete;

  // False once a thread runs, or out of [1, 256]: then nothing changed.
  bool set_limit(unsigned threads) {
    if (in_child()) return false;
    const std::lock_guard lock(mutex_);
    if (threads == 0 || threads > kMaxIsolationThreads || !threads_.empty()) return false;
    limit_ = threads;
    return true;
  }

  // Takes the item, or gives it back: stopping, in a forked child, or not one thread could be
  // started.
  [[nodiscard]] std::unique_ptr<IsolatedItem> submit(std::unique_ptr<IsolatedItem> item) {
    if (in_child()) return item;
    const std::uint32_t weight = item->weight();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return item;
      if (idle_ <= queue_.size() && threads_.size() < limit_) start_thread();
      if (threads_.empty()) return item;
      const IsolatedItem& queued = *item;
      queue_.push(queued.task_class(), weight, queued.origin().task, std::move(item));
      pending_.fetch_add(1, std::memory_order_relaxed);
    }
    work_.notify_one();
    return nullptr;
  }

  // Counts the threads that run items.
  [[nodiscard]] const std::shared_ptr<InFlight>& in_flight() const noexcept { return in_flight_; }

  // Ends the threads after what they run now, then destroys what is queued.
  void stop() {
    if (in_child()) return;
    Queue queued;
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      queued = std::exchange(queue_, Queue());
      threads.swap(threads_);
    }
    work_.notify_all();
    for (std::thread& thread : threads) {
      if (thread.get_id() == std::this_thread::get_id()) {  // it cannot wait for itself
        thread.detach();
      } else {
        thread.join();
      }
    }
  }

 private:
  using Queue = WeightedQueue<std::unique_ptr<IsolatedItem>>;

  // The threads, and perhaps the lock, stayed with the parent.
  [[nodiscard]] bool in_child() const noexcept { return getpid() != pid_; }

  // With the lock held. The new thread inherits a mask that leaves signals to the service's own
  // threads; faults stay unblocked, or a crash handler would never see them.
  void start_thread() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
      sigdelset(&all, fault);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      const auto ordinal = static_cast<unsigned>(threads_.size());
      threads_.reserve(limit_);
      threads_.emplace_back([self = shared_from_this(), ordinal] { self->serve(ordinal); });
    } catch (const std::system_error&) {
      // Fewer threads then; with none at all, submit() refuses.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  static void enter(unsigned ordinal) {
    char name[16];
    std::snprintf(name, sizeof(name), "pulsed-iso-%u", ordinal % 1000);
    pthread_setname_np(pthread_self(), name);
    thread_state().isolation = true;
  }

  // Whether this thread is low by its own hand, for good: it could not raise itself again. Where the
  // daemon sets priorities, it lowers the pool's threads, and undoes that.
  static bool lower_priority(pulsed_session* session) {
    if (pulsed_daemon_demotes(session) != 0) return false;
    const auto tid = static_cast<id_t>(syscall(SYS_gettid));
    // Never upwards: the service may run at a lower priority already. Refused: it runs as it is.
    if (getpriority(PRIO_PROCESS, tid) < kIsolationNice) {
      setpriority(PRIO_PROCESS, tid, kIsolationNice);
    }
    return true;
  }

  void serve(unsigned ordinal) {
    enter(ordinal);
    bool lowered = false;
    PollCost cost;
    InFlight::Items in_flight(*in_flight_);  // up to the last of those that are queued
    std::unique_lock lock(mutex_);
    for (;;) {
      if (queue_.empty()) in_flight.end();
      ++idle_;
      work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      --idle_;
      if (stopping_) return;
      cost.waited();
      in_flight.begin();
      Queue::Taken taken = queue_.take();
      lock.unlock();
      const std::uint32_t weight = taken.item->weight();
      lowered = lowered || lower_priority(taken.item->origin().session);
      run(std::move(taken.item));
      const auto used = cost.next();
      lock.lock();
      queue_.end(taken.turn, used, weight);
    }
  }

  void run(std::unique_ptr<IsolatedItem> item) {
    item->run();
    // acq_rel: whoever is last sees every other item still holding its work, or done before.
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) item->end_in_context();
  }

  std::mutex mutex_;
  std::condition_variable work_;  // queue_ or stopping_ changed
  Queue queue_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> pending_{0};  // queued or running
  std::size_t idle_ = 0;
  unsigned limit_;
  bool stopping_ = false;
  const std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
  const pid_t pid_;
};

}  // namespace pulsed::asio::detail
