// The working part of the integration tests' service: threads that poll what they are told, and honest counters of it.
#pragma once

#include <pulsed/shim.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pulsed::test {

// What a poll does at its checkpoints.
enum class Manners {
  kObey,    // ends when asked to
  kIgnore,  // looks, and goes on
  kBlind    // has none
};

// Of one class, over all workers; exact once they are idle.
struct ClassCounts {
  std::string name;
  TaskClass cls;
  std::atomic<std::uint64_t> polls{0};
  std::atomic<std::uint64_t> yields{0};       // polls that ended because they were asked to
  std::atomic<std::uint64_t> asked_again{0};  // checkpoints that still asked after that
};

struct Job {
  ClassCounts* cls = nullptr;        // null: idle
  std::chrono::microseconds burn{};  // CPU time of one poll
  std::chrono::microseconds gap{};   // between two polls
  Manners manners = Manners::kObey;
};

// One worker: a thread that repeats its job's poll, all of one task, until it gets another job.
class ServiceWorker {
 public:
  // Returns when the thread has its line, so that workers constructed one by one have lines in order.
  ServiceWorker(Session& session, unsigned index, bool isolation);
  ~ServiceWorker();
  ServiceWorker(const ServiceWorker&) = delete;
  ServiceWorker& operator=(const ServiceWorker&) = delete;

  // Returns when the last job's poll has ended.
  void take(const Job& job);
  // Forks that many children, between polls and from within them; they exercise the shim, and must find it inert.
  void fork_children(unsigned count) { forks_wanted_.fetch_add(count); }

  [[nodiscard]] bool attached() const { return attached_; }
  // What the task of the job is asked, from any thread.
  [[nodiscard]] std::uint32_t directive(const pulsed_session* session) const {
    return pulsed_task_directive(session, pulsed_task{task_ref_.load()});
  }
  // What the last checkpoint of a poll in flight said.
  [[nodiscard]] bool asked_now() const { return asked_now_.load(); }
  [[nodiscard]] std::uint64_t children() const { return children_.load(); }
  [[nodiscard]] std::uint64_t children_not_inert() const { return children_not_inert_.load(); }
  // The longest from the end of one poll to the end of the next, less what the job asked for; since take().
  [[nodiscard]] std::uint64_t longest_stall_us() const { return longest_stall_us_.load(); }

 private:
  void run(Session& session, unsigned index, bool isolation);
  void repeat(Session& session, const Job& job, std::uint64_t turn);
  void poll_once(const Task& task, const Job& job, std::uint64_t turn);
  [[nodiscard]] bool leaves_at_checkpoint(const Job& job);
  void fork_one(Session& session, const Task& task, const Job& job);

  std::mutex mutex_;
  std::condition_variable changed_;
  Job job_;
  std::atomic<std::uint64_t> turn_{0};     // counts jobs given
  std::uint64_t turn_ended_ = UINT64_MAX;  // until the thread waits for its first job
  bool quit_ = false;

  std::atomic<bool> attached_{false};
  std::atomic<bool> asked_now_{false};
  std::atomic<std::uint64_t> task_ref_{0};
  std::atomic<unsigned> forks_wanted_{0};
  std::atomic<std::uint64_t> children_{0};
  std::atomic<std::uint64_t> children_not_inert_{0};
  std::atomic<std::uint64_t> longest_stall_us_{0};
  std::thread thread_;
};

}  // namespace pulsed::test
