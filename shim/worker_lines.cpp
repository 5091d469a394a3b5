// Worker lines of a session: who has which, what is written there, and whose clock the daemon may ask for.
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "shim/session.h"

namespace pulsed::shim {
namespace {

std::uint64_t thread_clock_ns(std::uint32_t tid) {
  // The kernel's encoding of a thread's CPU clock: per-thread (4) | scheduler time (2).
  const auto id = static_cast<clockid_t>((~static_cast<std::uint32_t>(tid) << 3) | 6U);
  timespec t{};
  if (::clock_gettime(id, &t) != 0) return PULSED_CLOCK_UNREADABLE;
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace

std::optional<std::uint32_t> Session::free_line(std::uint32_t flags) const {
  // A line's totals go on when it changes hands, so it goes to a worker of the same kind only: polls of the isolation
  // pool stay told apart. Else to the first that nobody had.
  const bool spare = (flags & PULSED_WORKER_SPARE) != 0;
  const std::uint32_t end = spare ? dimensions_.workers : own_lines_;
  std::optional<std::uint32_t> unused;
  for (std::uint32_t i = spare ? own_lines_ : 0; i < end; ++i) {
    if (workers_[i] != nullptr) continue;
    if (line_flags_[i] == flags) return i;
    if (line_flags_[i] == PULSED_WORKER_FREE && !unused) unused = i;
  }
  return unused;
}

bool Session::add_worker(std::unique_ptr<WorkerState> worker) {
  std::unique_lock lock(mutex_);
  const std::optional<std::uint32_t> index = free_line(worker->flags);
  if (!index) {
    lock.unlock();
    const bool spare = (worker->flags & PULSED_WORKER_SPARE) != 0;
    const char* whom = (worker->flags & PULSED_WORKER_ISOLATION) != 0 ? " for the isolation pool"
                       : spare                                        ? " for spare workers"
                                                                      : "";
    say_once("no worker line of " +
             std::to_string(spare ? dimensions_.workers - own_lines_ : own_lines_) + " is free" +
             whom + (spare ? "; there are fewer of them" : "; further threads stay unwatched") +
             "; raise the session option `workers`");
    return false;
  }
  worker->session = shared_from_this();  // which may be closed: spare workers come late
  worker->index = *index;
  line_flags_[*index] = worker->flags;
  WorkerState& added = *(workers_[*index] = std::move(worker));
  if (attachment_ != nullptr && added.index < attachment_->dimensions.workers) {
    write_line(*attachment_, added);
    point_at(added, attachment_);
  }
  return true;
}

void Session::remove_worker(WorkerState* worker) {
  tasks_.give_back(worker->slots);
  if (worker->serves != nullptr) worker->serves->now.fetch_sub(1, std::memory_order_relaxed);
  const bool spare = (worker->flags & PULSED_WORKER_SPARE) != 0;
  release_line(worker);
  // After the lock, which whoever waits took since it counted itself, or will find this line.
  if (spare && lineless_.load(std::memory_order_relaxed) != 0) tell_spares();
}

void Session::release_line(WorkerState* worker) {
  std::unique_ptr<WorkerState> last;  // with its segments, unmapped after the lock
  const std::lock_guard lock(mutex_);
  if (worker->attachment != nullptr) {
    pulsed_worker_line& line = worker->attachment->service.lines[worker->index];
    __atomic_store_n(&line.task, 0, __ATOMIC_RELEASE);
  }
  if (attachment_ != nullptr && worker->index < attachment_->dimensions.workers) {
    // The kind stays: the line's totals are of it, and its next worker is.
    __atomic_store_n(&attachment_->service.lines[worker->index].state,
                     worker->flags & ~PULSED_WORKER_ATTACHED, __ATOMIC_RELEASE);
  }
  last.swap(workers_[worker->index]);
}

bool Session::adopt(WorkerState& worker) {
  std::shared_ptr<Attachment> last = worker.attachment;
  const std::lock_guard lock(mutex_);
  const bool there = attachment_ != nullptr && worker.index < attachment_->dimensions.workers;
  point_at(worker, there ? attachment_ : nullptr);
  if (there) write_run_loop(*attachment_, worker);
  return there;
}

bool Session::set_run_loop(WorkerState& worker, std::uint32_t run_loop,
                           std::shared_ptr<LoopServers> servers) {
  worker.run_loop.store(run_loop, std::memory_order_relaxed);
  const pulsed_hot* hot = pulsed_this_hot();
  if (hot != nullptr) write_run_loop(*worker.attachment, worker);
  // The barrier of install() is between the stores and the look.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (hot == nullptr || __atomic_load_n(&hot->ready, __ATOMIC_RELAXED) == 0) {
    const std::lock_guard lock(mutex_);
    if (attachment_ != nullptr) write_run_loop(*attachment_, worker);
  }
  if (worker.serves != nullptr) worker.serves->now.fetch_sub(1, std::memory_order_relaxed);
  worker.serves = std::move(servers);
  if (worker.serves == nullptr) return false;
  const std::uint32_t now = worker.serves->now.fetch_add(1, std::memory_order_relaxed) + 1;
  std::uint32_t most = worker.serves->most.load(std::memory_order_relaxed);
  while (now > most) {
    if (worker.serves->most.compare_exchange_weak(most, now, std::memory_order_relaxed))
      return true;
  }
  return false;
}

void Session::write_run_loop(const Attachment& a, const WorkerState& worker) {
  __atomic_store_n(&a.service.lines[worker.index].run_loop,
                   worker.run_loop.load(std::memory_order_relaxed), __ATOMIC_RELAXED);
}

void Session::write_run_loops(const Attachment& a) const {
  const std::lock_guard lock(mutex_);
  for (const auto& worker : workers_) {
    if (worker == nullptr || worker->index >= a.dimensions.workers) continue;
    // One that has changed over writes its line without the lock.
    if (__atomic_load_n(&worker->page->hot.ready, __ATOMIC_RELAXED) == 0)
      write_run_loop(a, *worker);
  }
}

void Session::write_line(const Attachment& a, const WorkerState& worker) const {
  pulsed_worker_line& line = a.service.lines[worker.index];
  __atomic_store_n(&line.task, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&line.tid, worker.tid, __ATOMIC_RELAXED);
  write_run_loop(a, worker);
  std::array<char, sizeof(line.name)>
      name{};  // whole: a longer name may be left of the line's last worker
  std::copy_n(worker.name.data(), std::min(worker.name.size(), name.size()), name.data());
  std::memcpy(line.name, name.data(), name.size());
  // release: publishes tid, run loop and name; pairs with the collector's load of state.
  __atomic_store_n(&line.state, worker.flags, __ATOMIC_RELEASE);
  pulsed_service_line& service = *a.service.service;
  if (worker.index >= service.workers_high) {
    __atomic_store_n(&service.workers_high, worker.index + 1, __ATOMIC_RELEASE);
  }
}

std::vector<std::uint64_t> Session::read_clocks(const std::vector<std::uint32_t>& wanted) {
  std::vector<std::uint64_t> cpu;
  const std::lock_guard lock(mutex_);
  for (const std::uint32_t index : wanted) {
    const bool known = index < workers_.size() && workers_[index] != nullptr;
    cpu.push_back(known ? thread_clock_ns(workers_[index]->tid) : PULSED_CLOCK_UNREADABLE);
  }
  return cpu;
}

}  // namespace pulsed::shim
