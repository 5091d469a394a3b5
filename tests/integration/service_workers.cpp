#include "tests/integration/service_workers.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr unsigned kChildSeconds = 30;  // after that SIGALRM ends a child that hangs

microseconds thread_cpu() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::duration_cast<microseconds>(std::chrono::seconds{t.tv_sec} +
                                                  std::chrono::nanoseconds{t.tv_nsec});
}

void spin() {
  for (int i = 0; i < 4000; ++i) asm volatile("");
}

// In a forked child: every call must do nothing, and say so.
bool shim_is_inert(Session& session, const Task& task) {
  bool inert = pulsed_session_attached(session.c_session()) == 0 && !should_yield();
  for (int i = 0; i < 200; ++i) {
    pulsed_poll_begin(task.handle());
    pulsed_queue_wait(task.handle(), 1000);
    inert = inert && !should_yield();
    yielding();
    pulsed_poll_end();
  }
  const pulsed_task fresh = pulsed_task_open(session.c_session(), 1);
  pulsed_task_close(session.c_session(), fresh);
  inert = inert && pulsed_class(session.c_session(), "of/a/child", PULSED_PRIORITY_NORMAL) == 0;
  return inert && task.directive() == 0;
}

}  // namespace

ServiceWorker::ServiceWorker(Session& session, unsigned index, bool isolation)
    : thread_([this, &session, index, isolation] { run(session, index, isolation); }) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return turn_ended_ != UINT64_MAX; });
}

ServiceWorker::~ServiceWorker() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
    turn_.fetch_add(1);
  }
  changed_.notify_all();
  thread_.join();
}

void ServiceWorker::take(const Job& job) {
  std::unique_lock lock(mutex_);
  job_ = job;
  const std::uint64_t before = turn_.fetch_add(1);
  changed_.notify_all();
  changed_.wait(lock, [&] { return turn_ended_ >= before; });
}

void ServiceWorker::run(Session& session, unsigned index, bool isolation) {
  const std::string name = "worker-" + std::to_string(index);
  const Worker worker(session, name.c_str(), isolation);
  attached_.store(worker.attached());
  std::uint64_t turn = 0;
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      turn_ended_ = turn;
      changed_.notify_all();
      changed_.wait(lock, [&] { return turn_.load() != turn; });
      if (quit_) return;
      turn = turn_.load();
      job = job_;
    }
    if (job.cls != nullptr) repeat(session, job, turn);
  }
}

void ServiceWorker::repeat(Session& session, const Job& job, std::uint64_t turn) {
  const Task task = session.open(job.cls->cls);
  task_ref_.store(task.handle().ref);
  longest_stall_us_.store(0);
  Clock::time_point last = Clock::now();
  while (turn_.load() == turn) {
    if (forks_wanted_.load() > 0) fork_one(session, task, job);
    poll_once(task, job, turn);
    if (job.gap.count() > 0) std::this_thread::sleep_for(job.gap);
    const auto took = std::chrono::duration_cast<microseconds>(Clock::now() - last);
    last += took;
    const auto stall = std::max(microseconds{0}, took - job.burn - job.gap);
    const auto us = static_cast<std::uint64_t>(stall.count());
    longest_stall_us_.store(std::max(longest_stall_us_.load(), us));
  }
  task_ref_.store(0);
}

void ServiceWorker::poll_once(const Task& task, const Job& job, std::uint64_t turn) {
  const microseconds end = thread_cpu() + job.burn;
  {
    const PollScope poll(task);
    while (thread_cpu() < end && turn_.load(std::memory_order_relaxed) == turn) {
      spin();
      if (job.manners != Manners::kBlind && leaves_at_checkpoint(job)) break;
    }
  }
  asked_now_.store(false);
  job.cls->polls.fetch_add(1);
}

bool ServiceWorker::leaves_at_checkpoint(const Job& job) {
  const bool asked = should_yield();
  asked_now_.store(asked, std::memory_order_relaxed);
  if (!asked || job.manners == Manners::kIgnore) return false;
  yielding();
  job.cls->yields.fetch_add(1);
  if (should_yield()) job.cls->asked_again.fetch_add(1);
  return true;
}

// Every second child is born inside a poll of its parent.
void ServiceWorker::fork_one(Session& session, const Task& task, const Job& job) {
  const bool inside = forks_wanted_.fetch_sub(1) % 2 == 0;
  if (inside) pulsed_poll_begin(task.handle());
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kChildSeconds);
    ::_exit(shim_is_inert(session, task) ? 0 : 1);
  }
  int status = -1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) children_not_inert_.fetch_add(1);
  if (inside) {
    pulsed_poll_end();
    job.cls->polls.fetch_add(1);
  }
  children_.fetch_add(1);
}

}  // namespace pulsed::test
