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

pulsed_spares_options complete(const pulsed_spares_options& options) {
  pulsed_spares_options full{};
  std::memcpy(&full, &options, std::min(options.size, sizeof(full)));
  full.count = std::min(full.count, kMost);
  if (full.from_workers == 0) full.from_workers = kFromWorkers;
  return full;
}

// Those of the service are for its own threads while none of its handlers runs here; faults stay unblocked, or a crash
// handler would never see them.
sigset_t parked_signals() {
  sigset_t all;
  ::sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    ::sigdelset(&all, fault);
  }
  return all;
}

class SignalMask {
 public:
  explicit SignalMask(const sigset_t& mask) { ::pthread_sigmask(SIG_SETMASK, &mask, &before_); }
  ~SignalMask() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalMask(const SignalMask&) = delete;
  SignalMask& operator=(const SignalMask&) = delete;

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

thread_local Spares::Thread* Spares::current_ = nullptr;

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
  const bool by_itself = current_ != nullptr && &current_->spares == spares;
  if (by_itself) {
    session.say_once(
        "spare workers were closed by one of themselves, which cannot wait for its own end: the "
        "others have ended, and it ends with its turn; close them on another thread");
  }
  const bool closed_before = spares->stopping_.exchange(true);
  if (by_itself) current_->closed_spares = true;
  if (by_itself && closed_before) return;  // who does is waiting for us
  if (closed_before) {
    spares->others_ended_.wait(false);
  } else {
    session.remove_spares(*spares);  // from here on nobody starts threads
    spares->look_again();
    spares->join_others();
  }
  if (by_itself) return;
  for (const auto& thread : spares->threads_) ::pthread_join(thread->handle, nullptr);
  delete spares;
}

void Spares::join_others() {
  std::erase_if(threads_, [](const std::unique_ptr<Thread>& thread) {
    return thread.get() != current_ && ::pthread_join(thread->handle, nullptr) == 0;
  });
  others_ended_ = true;
  others_ended_.notify_all();
}

bool Spares::due() const {
  const std::uint32_t workers = servers_->most.load(std::memory_order_relaxed);
  const std::uint32_t wanted = options_.count != 0 ? options_.count : std::min(workers, kMost);
  return workers >= options_.from_workers && threads_.size() < wanted;
}

std::string Spares::start() {
  while (due()) {
    if (!start_thread()) {
      return "a spare worker could not be started: no thread or no memory to be had; the run loop "
             "has " +
             std::to_string(threads_.size()) + " until there is";
    }
  }
  return {};
}

bool Spares::start_thread() {
  const auto body = [](void* self) -> void* {
    auto& thread = *static_cast<Thread*>(self);
    thread.spares.serve(thread);
    return nullptr;
  };
  std::size_t stack_bytes = 0;
  {
    const std::lock_guard lock(environment_mutex_);
    stack_bytes = environment_.stack_bytes;
  }
  try {  // all that may throw, before there is a thread
    auto thread =
        std::unique_ptr<Thread>(new Thread{*this, static_cast<unsigned>(threads_.size())});
    threads_.reserve(threads_.size() + 1);
    const SignalMask signals(parked_signals());
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) != 0) return false;
    if (stack_bytes != 0) ::pthread_attr_setstacksize(&attributes, stack_bytes);
    const int error = ::pthread_create(&thread->handle, &attributes, body, thread.get());
    ::pthread_attr_destroy(&attributes);
    if (error != 0) return false;
    threads_.push_back(std::move(thread));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void Spares::look_again() {
  // seq_cst: the stop and the attachment before it; then the words, of which a thread that has yet to look here writes its
  // own before. Pairs with serve()'s load and with wait_either's.
  __atomic_fetch_add(&changes_, 1, __ATOMIC_SEQ_CST);
  wake_own(&changes_);
  if (!waits_on_one_word()) return;
  for (const auto& thread : threads_) {
    const std::uint32_t* word = thread->word.load();
    if (word != nullptr) wake_shared(word);
  }
}

void Spares::take_over_environment() {
  const ThreadEnvironment environment = environment_of_this_thread();
  const std::lock_guard lock(environment_mutex_);
  environment_ = environment;
  environments_.fetch_add(1, std::memory_order_relaxed);
}

void Spares::adopt_environment(Thread& self) {
  if (self.environments == environments_.load(std::memory_order_relaxed)) return;
  {
    const std::lock_guard lock(environment_mutex_);
    self.environments = environments_.load(std::memory_order_relaxed);
    self.environment = environment_;
  }
  schedule_like(self.environment);
}

void Spares::serve(Thread& self) {
  current_ = &self;
  char name[16];  // what the kernel keeps
  std::snprintf(name, sizeof(name), "pulsed-spare-%u", self.ordinal % 100);
  ::pthread_setname_np(::pthread_self(), name);
  adopt_environment(self);
  WorkerState* worker = await_line(name);
  if (worker == nullptr) return;
  milliseconds look = kNobodyHeld;
  while (true) {
    const std::uint32_t changes = __atomic_load_n(&changes_, __ATOMIC_ACQUIRE);
    if (stopping_.load(std::memory_order_relaxed)) break;
    if (!up_to_date() && !session_->adopt(*worker)) {
      wait_own(&changes_, changes, {});
    } else if (wanted(*worker)) {
      engage(self, *worker);
      if (session_->in_child()) return;
      look = kNobodyHeld;
    } else {
      park(self, *worker, changes, look);
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

void Spares::park(Thread& self, const WorkerState& worker, std::uint32_t changes,
                  milliseconds& look) const {
  const std::uint32_t& word = word_of(worker).spare;
  const std::uint32_t told = __atomic_load_n(&word, __ATOMIC_RELAXED);
  Timeout timeout;
  if (told == PULSED_SPARE_RUN) {
    timeout = lease_holds(*worker.attachment->daemon.daemon) ? look : kLeaseOut;
  }
  const auto begin = steady_clock::now();
  self.word.store(&word);
  wait_either(&word, told, &changes_, changes, timeout);
  const bool woken = !timeout || steady_clock::now() - begin < *timeout;
  look = woken ? kNobodyHeld : std::min(2 * look, kNobodyHeldMost);
}

void Spares::engage(Thread& self, const WorkerState& worker) {
  adopt_environment(self);
  const SignalMask signals(self.environments != 0 ? self.environment.signals : parked_signals());
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
    if (self.closed_spares) return;  // and what the context points to may be gone
    // A loop that was stopped gives back its turn at once: no reason to ask again and again.
    const auto rest = kTurn - (steady_clock::now() - begin);
    if (polls == 0 && rest.count() > 0 && up_to_date() && told_to_run(worker)) {
      self.word.store(&word_of(worker).spare);
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
