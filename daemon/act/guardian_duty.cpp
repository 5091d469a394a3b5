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
#include "daemon/clocks/monotonic.h"
#include "shared_memory/abi.h"
#include "shared_memory/segment.h"

namespace pulsed::act {
namespace {

using clocks::monotonic_ns;

constexpr std::uint64_t kMillisecond = 1'000'000;
// A round of anything is followed by a pause, of so many times what it took: no service makes the guardian a hog.
constexpr std::uint64_t kShortestPauseNs = 20 * kMillisecond;
constexpr std::uint64_t kPauses = 20;
constexpr std::uint64_t kHeldRoundNs = 1'000 * kMillisecond;
// After a thread is back, for at least so long: fork(2) copies the parent's priority long before the child can be found.
constexpr std::uint64_t kBatchNs = 100 * kMillisecond;
constexpr std::uint64_t kLongestSearchNs = 500 * kMillisecond;
constexpr std::uint64_t kLongestGoodbyeNs = 2'000 * kMillisecond;
constexpr std::uint64_t kStaleNs =
    static_cast<std::uint64_t>(std::chrono::nanoseconds{Guardian::kStale}.count());

// A worker that waits for its thread gets it back from us, before it gives up and goes on with another poll.
constexpr std::chrono::milliseconds kLateness{20};
static_assert(Guardian::kStale + kLateness < std::chrono::milliseconds{PULSED_RESTORE_WAIT_MS});

timespec to_timespec(std::uint64_t ns) {
  constexpr std::uint64_t kSecond = 1'000 * kMillisecond;
  return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
}

// When to begin the next round after one that began then.
std::uint64_t pause_after(std::uint64_t began_ns) {
  const std::uint64_t now = monotonic_ns();
  return now + std::max(kShortestPauseNs, kPauses * (now - began_ns));
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
  bool gone = false;
  while (!gone) {
    const Survey now = survey(monotonic_ns(), false);
    gone = now.anything ? wait_until(work(now)) : rest();
  }
  const std::uint64_t end = monotonic_ns() + kLongestGoodbyeNs;
  while (true) {
    put_back(What::kAll);
    const std::uint64_t now = monotonic_ns();
    if (!survey(now, true).anything || now > end) return;
    look_for_offspring();
    if (!survey(now, true).anything) return;
    const timespec pause = to_timespec(pause_after(now) - monotonic_ns());
    ::nanosleep(&pause, nullptr);
  }
}

// Does what is due, and gives the time when something will be.
std::uint64_t GuardianDuty::work(const Survey& survey) {
  const std::uint64_t now = monotonic_ns();
  // Not longer in any case: what the daemon takes on meanwhile goes stale no sooner.
  std::uint64_t next = now + kStaleNs;
  if (survey.held) {
    const std::uint64_t beat = ledger_.vigil_->beat_ns.load(std::memory_order_relaxed);
    std::uint64_t stale = beat + kStaleNs;
    // A daemon that goes on, for however short a time, may lower one more before it stands still again.
    if (beat == undone_beat_ns_) stale = std::max(stale, undo_due_ns_);
    if (now >= stale) {
      put_back(What::kHeld);
      undone_beat_ns_ = beat;
      stale = undo_due_ns_ = pause_after(now);
    }
    next = std::min(next, stale);
  }
  if (survey.left && monotonic_ns() >= left_due_ns_) {
    const std::uint64_t began = monotonic_ns();
    put_back(What::kLeft);
    left_due_ns_ = pause_after(began);
  }
  if (survey.left) next = std::min(next, left_due_ns_);
  const std::uint64_t look_due = std::max(survey.look_due_ns, search_due_ns_);
  const std::uint64_t began = monotonic_ns();
  if (began < look_due) return std::min(next, look_due);
  look_for_offspring();
  search_due_ns_ = pause_after(began);
  return std::min(next, search_due_ns_);
}

// Sleeps until it is woken. True if the daemon has gone.
bool GuardianDuty::rest() {
  std::atomic<std::uint32_t>& awake = ledger_.vigil_->awake;
  // seq_cst: pairs with Guardian::wake(), which comes after an entry was held
  awake.store(0, std::memory_order_seq_cst);
  constexpr timespec kNow{};
  const bool gone = wait(survey(monotonic_ns(), false).anything ? &kNow : nullptr);
  awake.store(1, std::memory_order_relaxed);
  return gone;
}

bool GuardianDuty::wait_until(std::uint64_t due_ns) {
  const std::uint64_t now = monotonic_ns();
  const timespec timeout = to_timespec(due_ns > now ? due_ns - now : 0);
  return wait(&timeout);
}

// Sleeps for this long, or until it is woken. True if the daemon has gone.
bool GuardianDuty::wait(const timespec* timeout) {
  pollfd life{life_, POLLIN, 0};
  if (::ppoll(&life, 1, timeout, nullptr) <= 0) return false;
  std::array<char, 64> wakes;
  const ssize_t bytes = ::recv(life_, wakes.data(), wakes.size(), MSG_DONTWAIT);
  return bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR);
}

GuardianDuty::Survey GuardianDuty::survey(std::uint64_t now_ns, bool daemon_gone) {
  Survey survey{false, false, false, UINT64_MAX};
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    const DemotionEntry& entry = ledger_.file_->entries[i];
    const std::uint32_t word = entry.word.load(std::memory_order_seq_cst);  // see rest()
    if (state_of(word) == EntryState::kFree ||
        entry.owner.load(std::memory_order_relaxed) != ledger_.run_) {
      continue;
    }
    const bool back = state_of(word) == EntryState::kOffspring;
    survey.anything = true;
    survey.held = survey.held || state_of(word) == EntryState::kHeld;
    survey.left = survey.left || state_of(word) == EntryState::kLeft;
    Look& look = looks_[i];
    if (look.word != word) {
      // Full batches: threads of one process that came back one after the other are looked after together.
      const std::uint64_t batch = (now_ns / kBatchNs + 2) * kBatchNs;
      const std::uint64_t due = !back ? now_ns + kHeldRoundNs : daemon_gone ? now_ns : batch;
      look = {word, daemon_gone ? 2U : 1U, due, due + kLongestSearchNs};
    }
    survey.look_due_ns = std::min(survey.look_due_ns, look.due_ns);
  }
  return survey;
}

void GuardianDuty::put_back(What what) {
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    DemotionEntry& entry = ledger_.file_->entries[i];
    const std::optional<EntryCopy> copy = read_entry(entry);
    if (!copy || copy->owner != ledger_.run_) continue;
    std::uint32_t word = copy->word;
    const bool held = state_of(word) == EntryState::kHeld;
    if (state_of(word) == EntryState::kOffspring || (held && what == What::kLeft)) continue;
    const Swap swap = ledger_.put_back(copy->demoted);
    if (held && what == What::kHeld) {
      if (swap == Swap::kDone) ledger_.vigil_->undone.fetch_add(1, std::memory_order_relaxed);
    } else if (swap != Swap::kFailed) {
      // Nobody lowers it any more. A daemon that succeeds one that is gone may have made the entry its own.
      entry.word.compare_exchange_strong(word,
                                         entry_word(generation_of(word), EntryState::kOffspring));
    }
  }
}

// Each round begins with another entry, so that no service's threads keep another's from being looked for.
void GuardianDuty::look_for_offspring() {
  const std::uint64_t now = monotonic_ns();
  search_.begin_round();
  const std::uint32_t high = ledger_.file_->high();
  for (std::uint32_t i = 0; i < high && !search_.exhausted(); ++i) {
    const std::uint32_t index = (search_from_ + i) % high;
    if (!look_after(index, now) && search_.exhausted()) search_from_ = (index + 1) % high;
  }
}

// False if it is to be looked after again.
bool GuardianDuty::look_after(std::uint32_t index, std::uint64_t now_ns) {
  DemotionEntry& entry = ledger_.file_->entries[index];
  Look& look = looks_[index];
  const std::optional<EntryCopy> copy = read_entry(entry);
  if (!copy || copy->owner != ledger_.run_ || copy->word != look.word || now_ns < look.due_ns) {
    return true;
  }
  if (!search_.look(copy->demoted, look.due_ns) && now_ns < look.give_up_ns) return false;
  const bool back = state_of(copy->word) == EntryState::kOffspring;
  look.due_ns = now_ns + (back ? kBatchNs : kHeldRoundNs);
  look.give_up_ns = look.due_ns + kLongestSearchNs;
  if (!back || --look.times != 0) return true;
  std::uint32_t word = copy->word;
  entry.word.compare_exchange_strong(word, entry_word(generation_of(word), EntryState::kFree));
  return true;
}

}  // namespace pulsed::act
