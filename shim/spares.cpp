#include "shim/spares.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "shim/futex.h"
#include "shim/session.h"

namespace pulsed::shim {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t kMost = 256;
constexpr std::uint32_t kFromWorkers = 2;
constexpr milliseconds kTurn{2};
// Told to run where nobody is held, or by a daemon whose lease is out: either may change without a wake. The former is
// looked at less and less often while it stays so.
constexpr milliseconds kNobodyHeld{1};
constexpr milliseconds kNobodyHeldMost{50};
constexpr milliseconds kLeaseOut{50};
// No line free: one that comes free is told, memory that does is not.
constexpr milliseconds kLineless{5'000};

// Whose spare worker this thread is.
thread_local const Spares* tls_spares = nullptr;

pulsed_spares_options complete(const pulsed_spares_options& options) {
  pulsed_spares_options full{};
  std::memcpy(&full, &options, std::min(options.size, sizeof(full)));
  full.count = std::min(full.count, kMost);
  if (full.from_workers == 0) full.from_workers = kFromWorkers;
  return full;
}

// The service's signals are for its own threads; faults stay unblocked, or a crash handler would never see them.
class OwnThreadSignals {
 public:
  OwnThreadSignals() {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
      ::sigdelset(&all, fault);
    }
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~OwnThreadSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  OwnThreadSignals(const OwnThreadSignals&) = delete;
  OwnThreadSignals& operator=(const OwnThreadSignals&) = delete;

 private:
  sigset_t before_{};
};

const pulsed_worker_word& word_of(const WorkerState& worker) {
  return worker.attachment->daemon.workers[worker.index];
}

// Is the page pointed at the attachment of now?
bool up_to_date() {
  const pulsed_hot* hot = pulsed_this_hot();
  return hot != nullptr && __atomic_load_n(&hot->ready, __ATOMIC_RELAXED) != 0;
}

bool told_to_run(const WorkerState& worker) {
  return __atomic_load_n(&word_of(worker).spare, __ATOMIC_RELAXED) == PULSED_SPARE_RUN;
}

}  // namespace

Spares* Spares::open(std::shared_ptr<Session> session, const pulsed_spares_options& options) {
  const pulsed_spares_options full = complete(options);
  if (full.turn == nullptr || session->in_child()) return nullptr;
  std::unique_ptr<Spares, void (*)(Spares*)> spares(new Spares(std::move(session), full),
                                                    [](Spares* s) { delete s; });
  spares->session_->add_spares(*spares);
  return spares.release();
}

Spares::Spares(std::shared_ptr<Session> session, const pulsed_spares_options& options)
    : session_(std::move(session)), options_(options) {}

void Spares::close(Spares* spares) {
  Session& session = *spares->session_;
  if (session.in_child()) return;  // the threads, and perhaps a lock, stayed behind
  if (tls_spares == spares) {
    session.say_once(
        "spare workers cannot be closed by one of themselves, which would wait for its own end; "
        "they stay; close them on another thread");
    return;
  }
  session.remove_spares(*spares);  // from here on nobody starts threads
  spares->stopping_.store(true, std::memory_order_relaxed);
  spares->look_again();
  for (std::thread& thread : spares->threads_) thread.join();
  delete spares;
}

bool Spares::due() const {
  const std::uint32_t workers = servers_->most.load(std::memory_order_relaxed);
  const std::uint32_t wanted = options_.count != 0 ? options_.count : std::min(workers, kMost);
  return workers >= options_.from_workers && threads_.size() < wanted;
}

std::string Spares::start() {
  while (due()) {
    try {
      start_thread();
    } catch (const std::exception&) {
      return "a spare worker could not be started: no thread or no memory to be had; the run loop "
             "has " +
             std::to_string(threads_.size()) + " until there is";
    }
  }
  return {};
}

void Spares::start_thread() {
  const OwnThreadSignals signals;
  const auto ordinal = static_cast<unsigned>(threads_.size());
  threads_.reserve(threads_.size() + 1);  // what may throw, before there is a thread
  threads_.emplace_back([this, ordinal] { serve(ordinal); });
}

void Spares::look_again() {
  // release: the stop and the attachment before it; pairs with serve()'s load.
  __atomic_fetch_add(&changes_, 1, __ATOMIC_RELEASE);
  wake_own(&changes_);
}

void Spares::serve(unsigned ordinal) {
  tls_spares = this;
  char name[16];  // what the kernel keeps
  std::snprintf(name, sizeof(name), "pulsed-spare-%u", ordinal % 100);
  ::pthread_setname_np(::pthread_self(), name);
  WorkerState* worker = await_line(name);
  if (worker == nullptr) return;
  milliseconds look = kNobodyHeld;
  while (true) {
    const std::uint32_t changes = __atomic_load_n(&changes_, __ATOMIC_ACQUIRE);
    if (stopping_.load(std::memory_order_relaxed)) break;
    if (!up_to_date() && !session_->adopt(*worker)) {
      wait_own(&changes_, changes, {});
    } else if (wanted(*worker)) {
      engage(*worker);
      if (session_->in_child()) return;
      look = kNobodyHeld;
    } else {
      park(*worker, changes, look);
    }
  }
  detach_this_thread();
}

WorkerState* Spares::await_line(const char* name) {
  session_->await_spare_line(true);
  WorkerState* worker = nullptr;
  while (true) {
    const std::uint32_t changes = __atomic_load_n(&changes_, __ATOMIC_ACQUIRE);
    if (stopping_.load(std::memory_order_relaxed)) break;
    worker = attach_this_thread(*session_, name, PULSED_WORKER_SPARE, run_loop_);
    if (worker != nullptr) break;  // else the session said why
    wait_own(&changes_, changes, kLineless);
  }
  session_->await_spare_line(false);
  return worker;
}

void Spares::park(const WorkerState& worker, std::uint32_t changes, milliseconds& look) const {
  const std::uint32_t& word = word_of(worker).spare;
  const std::uint32_t told = __atomic_load_n(&word, __ATOMIC_RELAXED);
  Timeout timeout;
  if (told == PULSED_SPARE_RUN) {
    timeout = lease_holds(*worker.attachment->daemon.daemon) ? look : kLeaseOut;
  }
  const auto begin = steady_clock::now();
  wait_either(&word, told, &changes_, changes, timeout);
  const bool woken = !timeout || steady_clock::now() - begin < *timeout;
  look = woken ? kNobodyHeld : std::min(2 * look, kNobodyHeldMost);
}

void Spares::engage(const WorkerState& worker) const {
  if (options_.begin != nullptr) options_.begin(options_.context);
  do {
    const std::uint32_t changes = __atomic_load_n(&changes_, __ATOMIC_RELAXED);
    const auto begin = steady_clock::now();
    const std::uint32_t polls =
        options_.turn(options_.context, std::chrono::microseconds(kTurn).count());
    if (session_->in_child()) {
      serve_as_child();
      break;
    }
    // A loop that was stopped gives back its turn at once: no reason to ask again and again.
    const auto rest = kTurn - (steady_clock::now() - begin);
    if (polls == 0 && rest.count() > 0 && up_to_date() && told_to_run(worker)) {
      wait_either(&word_of(worker).spare, PULSED_SPARE_RUN, &changes_, changes, rest);
    }
  } while (wanted(worker));
  if (options_.end != nullptr) options_.end(options_.context);
}

// A child that a poll on this thread forked has no other thread: what the parent's workers would run is left to this one, as
// if it were a worker, until the loop is stopped.
void Spares::serve_as_child() const {
  while (true) {
    const auto begin = steady_clock::now();
    const std::uint32_t polls =
        options_.turn(options_.context, std::chrono::microseconds(kTurn).count());
    if (polls == 0 && steady_clock::now() - begin < kTurn / 2) return;
  }
}

bool Spares::wanted(const WorkerState& worker) const {
  return !stopping_.load(std::memory_order_relaxed) && up_to_date() && told_to_run(worker) &&
         lease_holds(*worker.attachment->daemon.daemon) && needed(worker);
}

// Does an ordinary worker of the run loop have a poll in flight, and do as many serve it as there must be? Told by our own
// lines, so that a spare worker also ends with a daemon that cannot tell it to; and not by spare workers, which would keep
// each other awake.
bool Spares::needed(const WorkerState& worker) const {
  const Attachment& a = *worker.attachment;
  const std::uint32_t high = std::min(
      __atomic_load_n(&a.service.service->workers_high, __ATOMIC_RELAXED), a.dimensions.workers);
  std::uint32_t serving = 0;
  bool in_flight = false;
  for (std::uint32_t i = 0; i < high; ++i) {
    const pulsed_worker_line& line = a.service.lines[i];
    if (__atomic_load_n(&line.state, __ATOMIC_RELAXED) != PULSED_WORKER_ATTACHED ||
        __atomic_load_n(&line.run_loop, __ATOMIC_RELAXED) != run_loop_) {
      continue;
    }
    ++serving;
    in_flight = in_flight || __atomic_load_n(&line.task, __ATOMIC_RELAXED) != 0;
  }
  return in_flight && serving >= options_.from_workers;
}

// --- the session's side

void Session::add_spares(Spares& spares) {
  const std::lock_guard lock(spares_mutex_);
  spares_.push_back(&spares);
  spares.run_loop_ = ++run_loops_;
}

void Session::remove_spares(Spares& spares) {
  const std::lock_guard lock(spares_mutex_);
  std::erase(spares_, &spares);
}

bool Session::start_spares() {
  bool allowed = false;
  {
    const std::lock_guard lock(mutex_);
    if (attachment_ == nullptr || attachment_->dimensions.workers == own_lines_) return false;
    const std::uint64_t& abilities = attachment_->daemon.daemon->abilities;
    allowed = (__atomic_load_n(&abilities, __ATOMIC_RELAXED) & PULSED_DAEMON_WAKES_SPARES) != 0;
  }
  bool due = false;
  std::vector<std::string> troubles;
  {
    const std::lock_guard lock(spares_mutex_);
    for (Spares* spares : spares_) {
      std::string trouble = allowed ? spares->start() : std::string();
      if (!trouble.empty()) troubles.push_back(std::move(trouble));
      due = due || spares->due();
    }
  }
  for (const std::string& trouble : troubles) say_once(trouble);
  return due;
}

void Session::tell_spares() {
  const std::lock_guard lock(spares_mutex_);
  for (Spares* spares : spares_) spares->look_again();
}

}  // namespace pulsed::shim
