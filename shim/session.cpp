#include "shim/session.h"

#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <random>

#include "shared_memory/class_name.h"
#include "shim/rseq_mark.h"

namespace pulsed::shim {
namespace {

using std::chrono::milliseconds;

// A daemon that comes back is found within a second; a thousand services do not come back all at once.
constexpr milliseconds kFirstBackoff{50};
constexpr milliseconds kLongestBackoff{1000};

void log_to_stderr(void*, const char* message) { std::fprintf(stderr, "pulsed: %s\n", message); }

std::vector<std::string> run_dirs(const char* chosen) {
  if (chosen != nullptr && *chosen != '\0') return {chosen};
  if (const char* env = std::getenv("PULSED_RUN_DIR"); env != nullptr && *env != '\0') return {env};
  std::vector<std::string> dirs{"/run/pulsed"};
  if (const char* xdg = std::getenv("XDG_RUNTIME_DIR"); xdg != nullptr && *xdg != '\0') {
    dirs.push_back(std::string(xdg) + "/pulsed");
  }
  return dirs;
}

bool disabled() {
  const char* env = std::getenv("PULSED_DISABLE");
  return env != nullptr && std::string_view(env) == "1";
}

std::uint32_t* alive_page() {
  void* memory =
      ::mmap(nullptr, PULSED_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (::madvise(memory, PULSED_PAGE, MADV_WIPEONFORK) != 0) {
    ::munmap(memory, PULSED_PAGE);
    return nullptr;
  }
  auto* alive = static_cast<std::uint32_t*>(memory);
  *alive = 1;
  return alive;
}

// As many again, so that spare workers never take a line that a thread of the service would have had.
shm::Dimensions with_spare_lines(shm::Dimensions d) {
  d.workers = std::min(2 * d.workers, PULSED_MAX_WORKERS);
  return d;
}

bool has_line(const Attachment& a, const WorkerState& worker) {
  return worker.index < a.dimensions.workers;
}

}  // namespace

Session* Session::open(const pulsed_session_options& o) {
  shm::Dimensions d;
  if (o.workers != 0) d.workers = o.workers;
  if (o.ring_samples != 0) d.ring_samples = o.ring_samples;
  if (o.tasks != 0) d.tasks = o.tasks;
  if (o.classes != 0) d.classes = o.classes;
  std::optional<std::string> wrong = shm::out_of_range(d);
  if (!wrong && o.service != nullptr && std::strlen(o.service) > PULSED_SERVICE_NAME_MAX) {
    wrong = "service: longer than 63 bytes";
  }
  if (wrong) {
    const auto log = o.log != nullptr ? o.log : log_to_stderr;
    log(o.log_context, ("session options: " + *wrong).c_str());
    errno = EINVAL;
    return nullptr;
  }
  std::shared_ptr<Session> session(new Session(o, d));
  if (session->alive_ == nullptr || !session->tasks_.valid() || !session->start()) return nullptr;
  session->self_ = session;
  return session.get();
}

Session::Session(const pulsed_session_options& o, shm::Dimensions dimensions)
    : own_lines_(dimensions.workers),
      dimensions_(with_spare_lines(dimensions)),
      service_(o.service == nullptr ? "" : o.service),
      run_dirs_(run_dirs(o.run_dir)),
      log_(o.log != nullptr ? o.log : log_to_stderr),
      log_context_(o.log_context),
      alive_(alive_page()),
      tasks_(dimensions.tasks, dimensions_.workers),
      workers_(dimensions_.workers),
      line_flags_(dimensions_.workers),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      poke_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  classes_.reserve(dimensions.classes);
  classes_.push_back({"", PULSED_PRIORITY_NORMAL});
}

void Session::close() {
  closed_.store(true, std::memory_order_relaxed);
  if (started_) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof(one));
    ::pthread_join(thread_, nullptr);
  }
  const std::shared_ptr<Session> last = std::move(self_);  // the workers hold the others
}

Session::~Session() {
  if (alive_ != nullptr) ::munmap(alive_, PULSED_PAGE);
}

bool Session::start() {
  if (disabled()) return true;
  if (!wake_.valid() || !poke_.valid()) return false;
  // The service's signals are for its own threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const auto body = [](void* self) -> void* {
    ::pthread_setname_np(::pthread_self(), "pulsed-shim");
    static_cast<Session*>(self)->run();
    return nullptr;
  };
  started_ = ::pthread_create(&thread_, nullptr, body, this) == 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started_;
}

void Session::run() {
  std::minstd_rand random(static_cast<unsigned>(::getpid()) ^ static_cast<unsigned>(pulsed_now()));
  milliseconds backoff = kFirstBackoff;
  mark_tells_ = !mark_outlasts_sleep(this_thread_rseq());
  while (true) {
    bool was_attached = false;
    try {
      if (attach_and_serve(was_attached) == Wake::kStop) return;
    } catch (const std::exception&) {  // no memory: detached is better than gone
      uninstall();
    }
    if (was_attached) backoff = kFirstBackoff;
    const auto jittered =
        static_cast<int>(backoff.count() / 2 +
                         static_cast<long>(random() % static_cast<unsigned long>(backoff.count())));
    pollfd stop{wake_.get(), POLLIN, 0};
    if (::poll(&stop, 1, jittered) == 1) return;
    backoff = std::min(backoff * 3 / 2, kLongestBackoff);
  }
}

Wake Session::attach_and_serve(bool& was_attached) {
  if (!mark_tells_) {
    say_once(
        "this kernel does not clear rseq_cs of a thread that sleeps: CPU time is known only of "
        "polls "
        "that the daemon asks to measure");
  }
  for (const std::string& dir : run_dirs_) {
    AttachFailure failure{};
    shm::Dimensions asked = dimensions_;
    std::optional<AttachedSocket> socket = ask(dir, asked, failure);
    if (!socket) {
      if (failure.worth_saying)
        say_once(dir + ": " + failure.text + "; the service runs on unwatched");
      continue;
    }
    auto attachment = std::make_shared<Attachment>();
    attachment->dimensions = asked;
    attachment->mark_tells = mark_tells_;
    attachment->end = std::move(socket->end);
    install(std::move(attachment));
    was_attached = true;
    const Wake wake = serve(
        socket->socket.get(), wake_.get(), poke_.get(),
        [this](const auto& workers) { return read_clocks(workers); },
        [this] { return start_spares(); });
    uninstall();
    return wake;
  }
  return Wake::kLost;
}

std::optional<AttachedSocket> Session::ask(const std::string& dir, shm::Dimensions& asked,
                                           AttachFailure& failure) {
  std::optional<AttachedSocket> socket = attach(dir, service_, asked, wake_.get(), failure);
  if (socket || !failure.too_large || asked.workers == own_lines_) return socket;
  const std::string why = failure.text;
  asked.workers = own_lines_;
  socket = attach(dir, service_, asked, wake_.get(), failure);
  if (socket) {
    say_once(dir + ": " + why + "; the service is watched, but has no spare workers");
  }
  return socket;
}

void Session::install(std::shared_ptr<Attachment> a) {
  a->end.service.keep_from_children();
  a->end.daemon.keep_from_children();
  a->service = shm::service_regions(a->end.service.data(), a->end.service_header);
  a->daemon = shm::daemon_regions(a->end.daemon.data(), a->end.daemon_header);
  write_identities(*a);
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t id = 1; id < classes_.size(); ++id) write_class(*a, id);
    // release: publishes the names; pairs with the collector's load.
    __atomic_store_n(&a->service.service->classes_high, static_cast<std::uint32_t>(classes_.size()),
                     __ATOMIC_RELEASE);
    attachment_ = a;
    for (const auto& worker : workers_) {
      if (!worker) continue;
      if (!has_line(*a, *worker)) {
        __atomic_store_n(&worker->page->hot.ready, 0, __ATOMIC_RELAXED);
        continue;
      }
      write_line(*a, *worker);
      if (__atomic_load_n(worker->tls_hot, __ATOMIC_ACQUIRE) == nullptr) {
        point_at(*worker, a);
      } else {
        __atomic_store_n(&worker->page->hot.ready, 0, __ATOMIC_RELAXED);
      }
    }
  }
  changed_.notify_all();
  // Once more, for what changed while workers still wrote elsewhere. The barrier, on every thread, puts a worker's change of
  // its table, or of its run loop, before its look at `ready`; without the system call a store may be a moment late and stay
  // unseen.
  ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
  write_identities(*a);
  write_run_loops(*a);
  tell_spares();
}

void Session::uninstall() {
  std::shared_ptr<Attachment> last;  // unmapped after the lock, if no worker is still inside
  {
    const std::lock_guard lock(mutex_);
    last.swap(attachment_);
    for (const auto& worker : workers_) {
      if (worker) __atomic_store_n(&worker->page->hot.ready, 0, __ATOMIC_RELAXED);
    }
  }
  tell_spares();
}

void Session::poke() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(poke_.get(), &one, sizeof(one));
}

bool Session::attached() const {
  if (in_child()) return false;
  const std::lock_guard lock(mutex_);
  return attachment_ != nullptr;
}

bool Session::daemon_demotes() const {
  if (in_child()) return false;
  const std::lock_guard lock(mutex_);
  if (attachment_ == nullptr) return false;
  const pulsed_daemon_line& daemon = *attachment_->daemon.daemon;
  const std::uint64_t abilities = __atomic_load_n(&daemon.abilities, __ATOMIC_RELAXED);
  return (abilities & PULSED_DAEMON_DEMOTES) != 0 && lease_holds(daemon);
}

bool Session::wait_attached(std::uint32_t timeout_ms) {
  if (in_child()) return false;
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, milliseconds(timeout_ms),
                           [this] { return attachment_ != nullptr; });
}

std::uint16_t Session::task_class(std::string_view name, pulsed_priority priority) {
  if (in_child()) return 0;
  if (!shm::valid_class_name(name)) {
    say_once(
        "a class name is not valid; its tasks are of the unnamed class; give it 1 to 55 bytes of "
        "UTF-8 without control characters");
    return 0;
  }
  std::unique_lock lock(mutex_);
  const auto [found, fresh] = class_ids_.try_emplace(std::string(name), 0);
  if (!fresh) return found->second;
  if (classes_.size() >= dimensions_.classes) {
    class_ids_.erase(found);
    lock.unlock();
    say_once("all " + std::to_string(dimensions_.classes) +
             " classes are taken; tasks of further ones are of the unnamed class; raise the "
             "session option `classes`");
    return 0;
  }
  const auto id = static_cast<std::uint16_t>(classes_.size());
  found->second = id;
  classes_.push_back(
      {std::string(name), priority < PULSED_PRIORITY_COUNT ? priority : PULSED_PRIORITY_NORMAL});
  class_count_.store(id + 1U, std::memory_order_relaxed);
  if (attachment_ != nullptr) {
    write_class(*attachment_, id);
    __atomic_store_n(&attachment_->service.service->classes_high, id + 1U, __ATOMIC_RELEASE);
  }
  return id;
}

void Session::write_class(const Attachment& a, std::size_t id) const {
  pulsed_class_record& record = a.service.classes[id];
  record.priority = classes_[id].priority;
  record.name_length = static_cast<std::uint32_t>(classes_[id].name.size());
  std::memcpy(record.name, classes_[id].name.data(), classes_[id].name.size());
}

void Session::write_identities(const Attachment& a) const {
  const std::uint32_t high = tasks_.high();
  for (std::uint32_t slot = 1; slot < high; ++slot) {
    std::uint32_t word = tasks_.identity(slot);
    if (word == 0) continue;
    // Its owner may change it meanwhile, and write it there before us: who writes last must have looked after that.
    for (std::uint32_t written = 0; written != word; word = tasks_.identity(slot)) {
      // seq_cst: before the look; the owner changes its table before it writes.
      __atomic_exchange_n(&a.service.identity[slot], word, __ATOMIC_SEQ_CST);
      written = word;
    }
  }
}

void Session::say_once(const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    constexpr std::size_t kMost = 32;
    if (said_.size() >= kMost || std::find(said_.begin(), said_.end(), text) != said_.end()) return;
    said_.push_back(text);
  }
  log_(log_context_, text.c_str());
}

}  // namespace pulsed::shim
