// pulsed for C++20: tell the daemon beside you what each worker polls, and ask whether to yield.
//
//   pulsed::Session session{{.service = "shop"}};               // never blocks; works without a daemon
//   const auto render = session.task_class("checkout/render");
//   pulsed::Worker worker{session, "worker-0"};                 // on each thread that polls
//   pulsed::Task task = session.open(render);
//   { pulsed::PollScope poll{task};  while (work()) if (pulsed::should_yield()) break; }
//
// A thin, header-only layer over <pulsed/shim.h>, whose promises hold here: nothing blocks on the daemon, a forked child is
// inert, and without a daemon every call does nothing. For Boost.Asio see <pulsed/asio.hpp>, which does all of this for you.
#pragma once

#include <pulsed/shim.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace pulsed {

enum class Priority : std::uint8_t {
  kCritical = PULSED_PRIORITY_CRITICAL,
  kHigh = PULSED_PRIORITY_HIGH,
  kNormal = PULSED_PRIORITY_NORMAL,
  kLow = PULSED_PRIORITY_LOW,
};

// The name tasks share. A value; unique over its session.
class TaskClass {
 public:
  constexpr TaskClass() = default;  // the unnamed class
  constexpr explicit TaskClass(std::uint16_t id) : id_(id) {}
  [[nodiscard]] constexpr std::uint16_t id() const { return id_; }
  friend constexpr bool operator==(TaskClass, TaskClass) = default;

 private:
  std::uint16_t id_ = 0;
};

struct SessionOptions {
  std::string service{};  // default: the executable's name
  std::string
      run_dir{};  // default: $PULSED_RUN_DIR, else /run/pulsed, else $XDG_RUNTIME_DIR/pulsed
  std::uint32_t workers = 0;       // [1, 4096], spare workers not counted; 0: 64
  std::uint32_t ring_samples = 0;  // power of two in [64, 2^20]; 0: 16384
  std::uint32_t tasks = 0;         // [64, 2^24]; 0: 65536
  std::uint32_t classes = 0;       // [2, 4096]; 0: 1024
  void (*log)(void* context, const char* message) = nullptr;  // default: a line on stderr
  void* log_context = nullptr;
};

class Task;

// One service's tie to the daemon. Thread-safe. Outlives its workers and tasks.
class Session {
 public:
  explicit Session(const SessionOptions& options = {}) {
    pulsed_session_options c{};
    c.size = sizeof(c);
    c.service = options.service.empty() ? nullptr : options.service.c_str();
    c.run_dir = options.run_dir.empty() ? nullptr : options.run_dir.c_str();
    c.workers = options.workers;
    c.ring_samples = options.ring_samples;
    c.tasks = options.tasks;
    c.classes = options.classes;
    c.log = options.log;
    c.log_context = options.log_context;
    session_ = pulsed_session_open(&c);
    if (session_ == nullptr) {
      throw std::runtime_error(
          "pulsed: the session could not be opened (an option out of range, or out of memory)");
    }
  }
  ~Session() { pulsed_session_close(session_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Registers a class or finds it by name (1 to 55 bytes). The first priority stays. Full table: the unnamed class.
  [[nodiscard]] TaskClass task_class(const std::string& name,
                                     Priority priority = Priority::kNormal) {
    return TaskClass{pulsed_class(session_, name.c_str(), static_cast<pulsed_priority>(priority))};
  }
  [[nodiscard]] Task open(TaskClass cls);

  [[nodiscard]] bool attached() const { return pulsed_session_attached(session_) != 0; }
  // Does the attached daemon set OS priorities itself, those of the isolation pool included?
  [[nodiscard]] bool daemon_demotes() const { return pulsed_daemon_demotes(session_) != 0; }
  // For tests and tools; a service need not wait.
  bool wait_attached(std::chrono::milliseconds timeout) {
    return pulsed_session_wait_attached(session_, static_cast<std::uint32_t>(timeout.count())) != 0;
  }
  [[nodiscard]] pulsed_session* c_session() const { return session_; }

 private:
  pulsed_session* session_;
};

struct SparesOptions {
  // As in pulsed_spares_options, where each is explained.
  std::uint32_t (*turn)(void* context, std::uint32_t microseconds) = nullptr;
  void (*begin)(void* context) = nullptr;
  void (*end)(void* context) = nullptr;
  void* context = nullptr;
  std::uint32_t count = 0;         // [1, 256]; 0: as many as workers serve the run loop
  std::uint32_t from_workers = 0;  // 0: two
};

// Spare workers of one run loop. Move-only; the session outlives it, and so does what `context` points to. What none could be
// set up for is empty, and does nothing.
class Spares {
 public:
  Spares() = default;
  Spares(Session& session, const SparesOptions& options) {
    pulsed_spares_options c{};
    c.size = sizeof(c);
    c.turn = options.turn;
    c.begin = options.begin;
    c.end = options.end;
    c.context = options.context;
    c.count = options.count;
    c.from_workers = options.from_workers;
    spares_ = pulsed_spares_open(session.c_session(), &c);
  }
  ~Spares() { close(); }
  Spares(Spares&& other) noexcept : spares_(std::exchange(other.spares_, nullptr)) {}
  Spares& operator=(Spares&& other) noexcept {
    if (this != &other) {
      close();
      spares_ = std::exchange(other.spares_, nullptr);
    }
    return *this;
  }

  // After it no turn runs and none begins. Not on a spare worker.
  void close() { pulsed_spares_close(std::exchange(spares_, nullptr)); }
  // Says that the calling worker serves the run loop from now on; of an empty one: none that has spare workers.
  void served_by_this_worker() const { pulsed_worker_serves(spares_); }
  [[nodiscard]] explicit operator bool() const { return spares_ != nullptr; }
  [[nodiscard]] pulsed_spares* c_spares() const { return spares_; }

 private:
  pulsed_spares* spares_ = nullptr;
};

// Makes the calling thread a worker for as long as this lives, on this thread. Inert if it is one already.
class Worker {
 public:
  explicit Worker(Session& session, const char* name = "", bool isolation = false)
      : attached_(pulsed_worker_attach(session.c_session(), name,
                                       isolation ? PULSED_WORKER_ATTACH_ISOLATION : 0) == 0) {}
  ~Worker() {
    if (attached_) pulsed_worker_detach();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  [[nodiscard]] bool attached() const {
    return attached_;
  }  // false: no line was free, or already a worker

 private:
  bool attached_;
};

// What a runtime schedules. Owns its slot; move-only. Polled by one worker at a time.
class Task {
 public:
  Task() = default;  // no task: polls of it count for the unnamed class
  Task(Session& session, TaskClass cls)
      : session_(session.c_session()), task_(pulsed_task_open(session_, cls.id())) {}
  ~Task() { close(); }
  Task(Task&& other) noexcept
      : session_(std::exchange(other.session_, nullptr)),
        task_(std::exchange(other.task_, pulsed_task{0})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      close();
      session_ = std::exchange(other.session_, nullptr);
      task_ = std::exchange(other.task_, pulsed_task{0});
    }
    return *this;
  }

  // From now on, the poll in flight on this thread included. An HTTP route, say, is known only inside the poll.
  void set_class(TaskClass cls) {
    if (session_ != nullptr) pulsed_task_set_class(session_, &task_, cls.id());
  }
  // A set of enum pulsed_directive; 0 without a live daemon.
  [[nodiscard]] std::uint32_t directive() const {
    return session_ == nullptr ? 0 : pulsed_task_directive(session_, task_);
  }
  [[nodiscard]] bool isolated() const { return (directive() & PULSED_DIRECTIVE_ISOLATE) != 0; }
  // Of its class, [1, 1000], as shares of the isolation pool's time; 100 without a live daemon.
  [[nodiscard]] std::uint32_t weight() const {
    return session_ == nullptr ? PULSED_WEIGHT_ORDINARY : pulsed_task_weight(session_, task_);
  }
  [[nodiscard]] pulsed_task handle() const { return task_; }
  [[nodiscard]] pulsed_session* c_session() const { return session_; }  // null for "no task"

 private:
  void close() {
    if (session_ != nullptr) pulsed_task_close(session_, task_);
  }
  pulsed_session* session_ = nullptr;
  pulsed_task task_{0};
};

inline Task Session::open(TaskClass cls) { return Task{*this, cls}; }

// One poll, from construction to destruction, on one thread.
class PollScope {
 public:
  explicit PollScope(const Task& task) { pulsed_poll_begin(task.handle()); }
  explicit PollScope(pulsed_task task) { pulsed_poll_begin(task); }
  ~PollScope() { pulsed_poll_end(); }
  PollScope(const PollScope&) = delete;
  PollScope& operator=(const PollScope&) = delete;
};

// The polls of a run loop, one after another on one thread: each begin ends the poll before, with one reading of the
// clock for both.
//
//   pulsed::PollLoop polls;
//   while (running) {
//     while (Job* job = queue.try_pop()) { polls.next(job->task);  job->run(); }
//     polls.end();  // before it waits: what lies between two polls counts for the earlier one
//     queue.wait();
//   }
//
// A loop that a poll runs, its own PollLoop with it, pauses that poll, as nested polls do. Where something else decides
// what runs next, and what comes between (Boost.Asio's io_context), a PollScope a poll is what fits.
class PollLoop {
 public:
  PollLoop() = default;
  ~PollLoop() { end(); }
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  void next(const Task& task) { next(task.handle()); }
  void next(pulsed_task task) {
    if (polling_) {
      pulsed_poll_next(task);
    } else {  // a poll in flight here is not of this loop, but around it
      polling_ = true;
      pulsed_poll_begin(task);
    }
  }
  void end() {
    if (std::exchange(polling_, false)) pulsed_poll_end();
  }

 private:
  bool polling_ = false;
};

// Does the daemon ask the poll in flight on this thread to yield? Four instructions where nothing is asked.
[[nodiscard]] inline bool should_yield() { return pulsed_should_yield() != 0; }

// Says that the poll in flight is about to end because it was asked to.
inline void yielding() { pulsed_yielding(); }

}  // namespace pulsed
