#include "shim/restore_wait.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <exception>

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
// So many in a row that nobody ended, and the daemon is one that marks polls and forgets them.
constexpr std::uint32_t kForgotten = 8;

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
  // acquire: own_policy and own_nice come with it; pairs with WorkerWords::announce_demotion.
  return __atomic_load_n(&word.demoted_start, __ATOMIC_ACQUIRE) == start;
}

// Has this thread the priority that the daemon found it with?
bool is_back(const pulsed_worker_word& word) {
  const auto policy = static_cast<int>(__atomic_load_n(&word.own_policy, __ATOMIC_RELAXED));
  return (::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == policy &&
         ::getpriority(PRIO_PROCESS, 0) == __atomic_load_n(&word.own_nice, __ATOMIC_RELAXED);
}

// False: it ended though the daemon had not said that the thread is restored.
bool wait_until_restored(const pulsed_worker_word& word, const pulsed_daemon_line& daemon,
                         std::uint64_t start) {
  const auto begin = steady_clock::now();
  while (true) {
    // acquire: a count of after the restoring comes with its mark cleared; pairs with WorkerWords::end_demotion.
    const std::uint32_t seen = __atomic_load_n(&word.restored, __ATOMIC_ACQUIRE);
    if (!marked(word, start)) return true;
    const auto waited = steady_clock::now() - begin;
    if (waited >= kMost) return false;
    // A dead daemon's guardian gives the priority back and cannot write here.
    if ((waited >= kAnnounced || !lease_holds(daemon)) && is_back(word)) return false;
    wait_shared(&word.restored, seen, kLook);
  }
}

void say_that_it_forgets(const WorkerState& worker) {
  try {
    worker.session->say_once(
        "the daemon marks polls as demoted and does not say when they are restored; workers wait "
        "for that no more until the next attachment; restart pulsed");
  } catch (const std::exception&) {  // no memory: unsaid
  }
}

}  // namespace

void wait_restored(HotPage& page, std::uint64_t start) {
  full_fence();
  const WorkerState& worker = *page.worker;
  const pulsed_worker_word& word = worker.attachment->daemon.workers[worker.index];
  if (!marked(word, start) || page.unrestored >= kForgotten) return;
  const int before = errno;
  if (wait_until_restored(word, *worker.attachment->daemon.daemon, start)) {
    page.unrestored = 0;
  } else if (++page.unrestored == kForgotten) {
    say_that_it_forgets(worker);
  }
  errno = before;
}

}  // namespace pulsed::shim
