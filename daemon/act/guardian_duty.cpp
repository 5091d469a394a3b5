#include "daemon/act/guardian_duty.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>

#include "daemon/act/demotion_file.h"
#include "daemon/act/guardian.h"
#include "daemon/act/priority_swap.h"
#include "shared_memory/segment.h"

namespace pulsed::act {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr int kRoundMs = 20;
constexpr std::uint64_t kHeldRoundNs = 1'000 * kMillisecond;
// After a thread is back, for at least so long: fork(2) copies the parent's priority long before the child can be found.
constexpr std::uint64_t kBatchNs = 100 * kMillisecond;
constexpr std::uint64_t kLongestSearchNs = 500 * kMillisecond;
constexpr std::uint64_t kLongestGoodbyeNs = 2'000 * kMillisecond;
constexpr std::uint64_t kStaleNs =
    static_cast<std::uint64_t>(std::chrono::nanoseconds{Guardian::kStale}.count());

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// All that can be ignored, but those that say a program is broken. SIGABRT too: it is how systemd's watchdog ends a service.
void ignore_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    const bool fault = signal == SIGSEGV || signal == SIGBUS || signal == SIGILL ||
                       signal == SIGFPE || signal == SIGTRAP || signal == SIGSYS;
    ::signal(signal, fault ? SIG_DFL : SIG_IGN);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Leaves `life` alone open, beside /dev/null: the run directory's lock is the daemon's, and so is whatever reads its log.
void close_descriptors(int life) {
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; ++fd) {
    if (fd != life) ::dup2(null, fd);
  }
  const auto close_all = [](unsigned first, unsigned last) {
    if (first > last || ::syscall(SYS_close_range, first, last, 0) == 0) return;
    const long most = ::sysconf(_SC_OPEN_MAX);
    for (long fd = first; fd <= static_cast<long>(last) && fd < most; ++fd) {
      ::close(static_cast<int>(fd));
    }
  };
  const auto kept = static_cast<unsigned>(life);
  if (kept > STDERR_FILENO) close_all(STDERR_FILENO + 1, kept - 1);
  close_all(std::max(kept, static_cast<unsigned>(STDERR_FILENO)) + 1, ~0U);
}

// As little as the daemon's last breath may take, this has to come before everything else.
void raise_itself() {
  sched_param parameters{};
  parameters.sched_priority = ::sched_get_priority_min(SCHED_FIFO);
  if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) != 0) {
    parameters.sched_priority = 0;
    ::sched_setscheduler(0, SCHED_OTHER, &parameters);
    ::setpriority(PRIO_PROCESS, 0, -20);
  }
  constexpr std::string_view kNever = "-1000";
  const shm::Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  (void)!::write(score.get(), kNever.data(), kNever.size());
  ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

}  // namespace

void GuardianDuty::serve(DemotionLedger& ledger, int life) {
  ignore_signals();
  ::setsid();
  ::prctl(PR_SET_NAME, "pulsed-guardian");
  close_descriptors(life);
  (void)!::chdir("/");
  raise_itself();
  void* const memory = ::mmap(nullptr, sizeof(GuardianDuty), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) ::_exit(1);
  auto* const duty = new (memory) GuardianDuty(ledger, life);
  const char ready = 1;
  if (::send(life, &ready, 1, MSG_NOSIGNAL) == 1) duty->run();
  ::_exit(0);
}

GuardianDuty::GuardianDuty(DemotionLedger& ledger, int life)
    : ledger_(ledger), life_(life), search_(ledger) {}

void GuardianDuty::run() {
  while (!(anything_ours() ? wait(kRoundMs) : rest())) {
    const std::uint64_t beat = ledger_.vigil_->beat_ns.load(std::memory_order_relaxed);
    const std::uint64_t now = monotonic_ns();
    put_back(now > beat && now - beat > kStaleNs ? What::kHeld : What::kLeft);
    look_for_offspring(false);
  }
  const std::uint64_t end = monotonic_ns() + kLongestGoodbyeNs;
  do {
    put_back(What::kAll);
    look_for_offspring(true);
  } while (anything_ours() && monotonic_ns() < end && (::poll(nullptr, 0, kRoundMs), true));
}

// Sleeps until it is woken. True if the daemon has gone.
bool GuardianDuty::rest() {
  std::atomic<std::uint32_t>& awake = ledger_.vigil_->awake;
  // seq_cst: pairs with Guardian::wake(), which comes after an entry was held
  awake.store(0, std::memory_order_seq_cst);
  const bool gone = wait(anything_ours() ? 0 : -1);
  awake.store(1, std::memory_order_relaxed);
  return gone;
}

// Sleeps for this long, or until it is woken. True if the daemon has gone.
bool GuardianDuty::wait(int timeout_ms) {
  pollfd life{life_, POLLIN, 0};
  if (::poll(&life, 1, timeout_ms) <= 0) return false;
  std::array<char, 64> wakes;
  const ssize_t bytes = ::recv(life_, wakes.data(), wakes.size(), MSG_DONTWAIT);
  return bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR);
}

bool GuardianDuty::anything_ours() {
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    const DemotionEntry& entry = ledger_.file_->entries[i];
    const std::uint32_t word = entry.word.load(std::memory_order_seq_cst);  // see rest()
    if (state_of(word) != EntryState::kFree &&
        entry.owner.load(std::memory_order_relaxed) == ledger_.run_) {
      return true;
    }
  }
  return false;
}

void GuardianDuty::put_back(What what) {
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    DemotionEntry& entry = ledger_.file_->entries[i];
    std::uint32_t word = entry.word.load(std::memory_order_acquire);  // pairs with hold()
    const bool left = state_of(word) == EntryState::kLeft;
    if ((!left && (state_of(word) != EntryState::kHeld || what == What::kLeft)) ||
        entry.owner.load(std::memory_order_relaxed) != ledger_.run_) {
      continue;
    }
    const DemotedThread demoted = entry.demoted;
    const Swap swap = swap_priority(demoted.thread, demoted.applied, demoted.before);
    if (what != What::kAll && !left) {
      if (swap == Swap::kDone) ledger_.vigil_->undone.fetch_add(1, std::memory_order_relaxed);
    } else if (swap != Swap::kFailed) {
      // Once the daemon is gone nobody lowers it any more. One that succeeds it may have made the entry its own.
      entry.word.compare_exchange_strong(word,
                                         entry_word(generation_of(word), EntryState::kOffspring));
    }
  }
}

void GuardianDuty::look_for_offspring(bool daemon_gone) {
  const std::uint64_t now = monotonic_ns();
  search_.begin_round();
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    const DemotionEntry& entry = ledger_.file_->entries[i];
    if (state_of(entry.word.load(std::memory_order_acquire)) != EntryState::kFree &&
        entry.owner.load(std::memory_order_relaxed) == ledger_.run_) {
      look_after(i, now, daemon_gone);
    }
  }
}

void GuardianDuty::look_after(std::uint32_t index, std::uint64_t now_ns, bool daemon_gone) {
  DemotionEntry& entry = ledger_.file_->entries[index];
  Look& look = looks_[index];
  std::uint32_t word = entry.word.load(std::memory_order_acquire);  // pairs with hold()
  const bool held = state_of(word) == EntryState::kHeld;
  if (look.word != word) {
    // Full batches: threads of one process that came back one after the other are looked after together.
    const std::uint64_t batch = (now_ns / kBatchNs + 2) * kBatchNs;
    const std::uint64_t due = held ? now_ns + kHeldRoundNs : daemon_gone ? now_ns : batch;
    look = {word, daemon_gone ? 2U : 1U, due, due + kLongestSearchNs};
  }
  if (now_ns < look.due_ns) return;
  if (!search_.look(entry.demoted) && now_ns < look.give_up_ns) return;
  look.due_ns = now_ns + (held ? kHeldRoundNs : kBatchNs);
  look.give_up_ns = look.due_ns + kLongestSearchNs;
  if (held || --look.times != 0) return;
  entry.word.compare_exchange_strong(word, entry_word(generation_of(word), EntryState::kFree));
}

}  // namespace pulsed::act
