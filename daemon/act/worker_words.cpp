#include "daemon/act/worker_words.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace pulsed::act {
namespace {

// Not private: the waiter is another process.
void wake_all(std::uint32_t& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

WorkerWords::WorkerWords(const shm::DaemonRegions& d, const shm::Dimensions& dimensions)
    : d_(d), workers_(dimensions.workers) {}

void WorkerWords::set_abilities(std::uint64_t abilities) {
  __atomic_store_n(&d_.daemon->abilities, abilities, __ATOMIC_RELAXED);
}

void WorkerWords::announce_demotion(std::uint32_t worker, std::uint64_t start,
                                    const SchedAttr& own) {
  pulsed_worker_word& word = d_.workers[worker];
  __atomic_store_n(&word.own_policy, own.policy, __ATOMIC_RELAXED);
  __atomic_store_n(&word.own_nice, own.nice, __ATOMIC_RELAXED);
  // release: publishes the two before; pairs with the waiting worker's load of the start.
  __atomic_store_n(&word.demoted_start, start, __ATOMIC_RELEASE);
  // Before the look at the worker's line; pairs with the fence at the end of a long poll (shim/restore_wait.cpp).
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void WorkerWords::end_demotion(std::uint32_t worker) {
  pulsed_worker_word& word = d_.workers[worker];
  if (word.demoted_start == 0) return;
  __atomic_store_n(&word.demoted_start, 0, __ATOMIC_RELAXED);
  // release: who sees the new count sees no demotion; pairs with the waiting worker's load of `restored`.
  __atomic_store_n(&word.restored, word.restored + 1, __ATOMIC_RELEASE);
  wake_all(word.restored);
}

void WorkerWords::set_spare(std::uint32_t worker, std::uint32_t value) {
  std::uint32_t& word = d_.workers[worker].spare;
  if (word == value) return;
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
  wake_all(word);
}

void WorkerWords::run_spare(std::uint32_t worker) { set_spare(worker, PULSED_SPARE_RUN); }
void WorkerWords::park_spare(std::uint32_t worker) { set_spare(worker, PULSED_SPARE_PARK); }

bool WorkerWords::spare_runs(std::uint32_t worker) const {
  return d_.workers[worker].spare == PULSED_SPARE_RUN;
}

void WorkerWords::release() {
  for (std::uint32_t worker = 0; worker < workers_; ++worker) {
    end_demotion(worker);
    park_spare(worker);
  }
}

}  // namespace pulsed::act
