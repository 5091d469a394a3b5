#include "tests/integration/held/run_loop.h"

#include <pthread.h>

#include <algorithm>

#include "tests/integration/held/run_time.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;

// A little less than the budget: the two clocks are not read at the same moment.
constexpr microseconds kNearBudget{950};

thread_local std::optional<OsPriority> tls_own_priority;

}  // namespace

RunLoop::RunLoop(pulsed_session* session, RunLoopOptions options)
    : session_(session), options_(std::move(options)) {
  if (!options_.isolation) {
    pulsed_spares_options spares{};
    spares.size = sizeof(spares);
    spares.turn = turn;
    spares.context = this;
    spares_ = pulsed_spares_open(session, &spares);
  }
  for (unsigned i = 0; i < options_.workers; ++i) {
    threads_.emplace_back([this, i] { serve(i); });
  }
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return serving_ == options_.workers; });
}

RunLoop::~RunLoop() {
  leave_session();
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void RunLoop::leave_session() {
  if (left_.exchange(true)) return;
  pulsed_spares_close(spares_);
}

void RunLoop::post(Poll poll) {
  const bool anyone = !poll.no_spare;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(poll));
  }
  // One of those that wait may be a spare worker.
  anyone ? ready_.notify_one() : ready_.notify_all();
}

OsPriority RunLoop::ordinary_priority() { return tls_own_priority.value(); }

std::optional<Poll> RunLoop::next(Clock::time_point until, bool spare) {
  std::unique_lock lock(mutex_);
  const auto first = [&] {
    return std::find_if(queue_.begin(), queue_.end(),
                        [&](const Poll& poll) { return !(spare && poll.no_spare); });
  };
  ready_.wait_until(lock, until, [&] { return quit_ || first() != queue_.end(); });
  const auto found = first();
  if (found == queue_.end()) return {};
  Poll poll = std::move(*found);
  queue_.erase(found);
  return poll;
}

void RunLoop::run(const Poll& poll) {
  const microseconds before = run_time();
  const bool known = !left_.load();
  const pulsed_task task = known ? pulsed_task_open(session_, poll.cls) : pulsed_task{};
  pulsed_poll_begin(task);
  poll.body();
  pulsed_poll_end();
  const microseconds ran = run_time() - before;
  if (ran > kNearBudget) near_budget_.fetch_add(1);
  if (ran.count() > longest_run_us_.load()) longest_run_us_.store(ran.count());
  if (known && !left_.load()) pulsed_task_close(session_, task);
}

void RunLoop::serve(unsigned index) {
  if (options_.prepare) options_.prepare();
  tls_own_priority = priority_of(0);
  const std::string name = options_.name + "-" + std::to_string(index);
  ::pthread_setname_np(::pthread_self(), name.c_str());
  pulsed_worker_attach(session_, name.c_str(),
                       options_.isolation ? PULSED_WORKER_ATTACH_ISOLATION : 0);
  pulsed_worker_serves(spares_);
  {
    const std::lock_guard lock(mutex_);
    ++serving_;
    of_workers_ = *tls_own_priority;
  }
  ready_.notify_all();
  while (true) {
    if (const std::optional<Poll> poll = next(Clock::now() + std::chrono::seconds{1}, false))
      run(*poll);
    const std::lock_guard lock(mutex_);
    if (quit_ && queue_.empty()) return;
  }
}

std::uint32_t RunLoop::turn(void* self, std::uint32_t turn_us) {
  auto* loop = static_cast<RunLoop*>(self);
  {
    const std::lock_guard lock(loop->mutex_);
    tls_own_priority = loop->of_workers_;
  }
  const Clock::time_point end = Clock::now() + std::chrono::microseconds{turn_us};
  std::uint32_t polls = 0;
  while (Clock::now() < end) {
    const std::optional<Poll> poll = loop->next(end, true);
    if (!poll) break;
    loop->run(*poll);
    ++polls;
    loop->spare_polls_.fetch_add(1);
  }
  return polls;
}

}  // namespace pulsed::test
