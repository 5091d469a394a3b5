#include "tests/bench/worker_team.h"

#include <numeric>
#include <stdexcept>

#include "tests/bench/machine.h"
#include "tests/bench/poll_loops.h"

namespace pulsed::bench {
namespace {

constexpr int kRoundShift = 16;
constexpr std::uint64_t kWorkers = (1U << kRoundShift) - 1;
constexpr std::uint64_t kEnd = UINT64_MAX;

}  // namespace

WorkerTeam::WorkerTeam(AttachedService& service, unsigned members, std::uint32_t tasks)
    : ticks_(members) {
  for (unsigned i = 0; i < members; ++i) {
    threads_.emplace_back([this, &service, i, tasks] { run(service, i, tasks); });
  }
  wait_for(members);
  if (!failed_) return;
  stop();
  throw std::runtime_error("a thread is no worker");
}

void WorkerTeam::stop() {
  round_ = kEnd;
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerTeam::wait_for(unsigned done) {
  for (unsigned seen = done_; seen != done; seen = done_) done_.wait(seen);
}

double WorkerTeam::poll(unsigned workers, std::uint64_t polls) {
  polls_ = polls;
  ready_ = 0;
  done_ = 0;
  round_ = ((round_ >> kRoundShift) + 1) << kRoundShift | workers;
  round_.notify_all();
  wait_for(workers);
  return std::accumulate(ticks_.begin(), ticks_.begin() + workers, 0.0) / workers;
}

void WorkerTeam::run(AttachedService& service, unsigned member, std::uint32_t count) {
  const Pinned pinned(member);
  const Worker worker(service.session(), "bench");
  if (!worker.attached()) failed_ = true;
  const std::vector<pulsed_task> tasks = service.open_tasks(count);
  Walk walk(tasks);
  for (std::uint64_t round = 0;;) {
    ++done_;
    done_.notify_one();
    do {
      round_.wait(round);
      round = round_;
      if (round == kEnd) return;
    } while (member >= (round & kWorkers));
    // Spinning, as each has its CPU: woken one after another, they would not poll together.
    ++ready_;
    while (ready_ < (round & kWorkers)) continue;
    const std::uint64_t begin = pulsed_now();
    walk.over(polls_, bench::poll);
    ticks_[member] = static_cast<double>(pulsed_now() - begin) / static_cast<double>(polls_);
  }
}

}  // namespace pulsed::bench
