#include "shim/restore_wait.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "shim/futex.h"
#include "shim/session.h"

namespace pulsed::shim {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kMost{PULSED_RESTORE_WAIT_MS};
// Between its mark and the lowering the daemon may be descheduled: until then a priority that looks right proves nothing.
constexpr milliseconds kAnnounced{5};
constexpr milliseconds kLook{1};  // a guardian restores without a word to us

// The full fence of the protocol; pairs with the daemon's after its mark (WorkerWords::announce_demotion).
void full_fence() {
#if defined(__SANITIZE_THREAD__)  // which models no fence
  std::uint32_t word = 0;
  __atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
#else
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

bool marked(const pulsed_worker_word& word, std::uint64_t start) {
  return __atomic_load_n(&word.demoted_start, __ATOMIC_ACQUIRE) == start;
}

void wait_until_restored(const WorkerState& worker, const pulsed_worker_word& word,
                         std::uint64_t start) {
  const pulsed_daemon_line& daemon = *worker.attachment->daemon.daemon;
  const auto begin = steady_clock::now();
  while (true) {
    // acquire: a count of after the restoring comes with its mark cleared; pairs with WorkerWords::end_demotion.
    const std::uint32_t seen = __atomic_load_n(&word.restored, __ATOMIC_ACQUIRE);
    if (!marked(word, start)) return;
    const auto waited = steady_clock::now() - begin;
    if (waited >= kMost) return;
    // A dead daemon's guardian gives the priority back and cannot write here.
    if ((waited >= kAnnounced || !lease_holds(daemon)) &&
        this_thread_priority() == worker.priority) {
      return;
    }
    wait_shared(&word.restored, seen, kLook);
  }
}

}  // namespace

OsPriority this_thread_priority() {
  const int before = errno;
  const OsPriority priority{::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK,
                            ::getpriority(PRIO_PROCESS, 0)};
  errno = before;
  return priority;
}

void wait_restored(const HotPage& page, std::uint64_t start) {
  full_fence();
  const WorkerState& worker = *page.worker;
  const pulsed_worker_word& word = worker.attachment->daemon.workers[worker.index];
  if (marked(word, start)) wait_until_restored(worker, word, start);
}

}  // namespace pulsed::shim
