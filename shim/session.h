// A service's tie to the daemon: what it would tell any daemon (workers, classes, tasks), and the attachment it has now.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shared_memory/task_table.h"
#include "shim/attach.h"
#include "shim/worker.h"

namespace pulsed::shim {

class Spares;

// Thread-safe. In a forked child every member function does nothing. Lives until it is closed and its last worker has
// detached.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // Null if an option is out of range (the log says which) or there is no memory or thread to be had. Owned by itself
  // until closed.
  static Session* open(const pulsed_session_options& options);
  // Ends its thread and the attachment; workers fall inert at their next poll begin.
  void close();
  [[nodiscard]] bool closed() const { return closed_.load(std::memory_order_relaxed); }
  ~Session();

  [[nodiscard]] bool in_child() const { return __atomic_load_n(alive_, __ATOMIC_RELAXED) == 0; }
  [[nodiscard]] bool attached() const;
  bool wait_attached(std::uint32_t timeout_ms);

  std::uint16_t task_class(std::string_view name, pulsed_priority priority);

  pulsed_task open_task(std::uint16_t cls);
  void close_task(pulsed_task task);
  void set_class(pulsed_task& task, std::uint16_t cls);
  [[nodiscard]] std::uint32_t directive(pulsed_task task) const;
  [[nodiscard]] std::uint32_t weight(pulsed_task task) const;

  // Gives it a line and a share in the session.
  bool add_worker(std::unique_ptr<WorkerState> worker);
  void remove_worker(WorkerState* worker);
  // By the worker's own thread at a poll begin: changes over to the attachment of now. False: there is none.
  bool adopt(WorkerState& worker);

  // Between its polls, by its own thread: whom it serves. True if that has more servers now than it ever had. No system
  // call and no lock while it is attached, as a thread may serve two by turns.
  bool set_run_loop(WorkerState& worker, std::uint32_t run_loop,
                    std::shared_ptr<LoopServers> servers);
  // Deals it its run loop's number; its threads start when workers serve that. Not told of anything once removed.
  void add_spares(Spares& spares);
  void remove_spares(Spares& spares);

  // The shim's thread looks whether spare workers are due.
  void poke();
  // A thread that waits for a line for a spare worker is told of each that comes free.
  void await_spare_line(bool begins) { lineless_ += begins ? 1 : -1; }

  [[nodiscard]] bool daemon_demotes() const;

  // One line to the service's log, each text only once.
  void say_once(const std::string& text);

 private:
  struct Class {
    std::string name;
    pulsed_priority priority;
  };

  // `dimensions`: without the lines of spare workers.
  Session(const pulsed_session_options& options, shm::Dimensions dimensions);
  bool start();
  void run();  // the shim's own thread
  // At the first run directory with a daemon, until that is lost; kLost also if there is none.
  Wake attach_and_serve(bool& was_attached);
  void count_table_full();
  [[nodiscard]] bool live(pulsed_task task) const;
  // What `read` finds in the attachment of now: the worker's own, or for other threads the session's.
  [[nodiscard]] std::uint32_t asked(pulsed_task task,
                                    std::uint32_t (*read)(const Attachment&, pulsed_task),
                                    std::uint32_t detached) const;
  // The class, or the unnamed one if nobody registered it: a daemon rejects what such a task says.
  [[nodiscard]] std::uint16_t registered(std::uint16_t cls) const {
    return cls < class_count_.load(std::memory_order_relaxed) ? cls : 0;
  }
  void install(std::shared_ptr<Attachment> attachment);
  void uninstall();
  // With lines for spare workers, or without where the daemon does not allow so many.
  std::optional<AttachedSocket> ask(const std::string& dir, shm::Dimensions& asked,
                                    AttachFailure& failure);
  bool start_spares();  // true: some are due, and may be so only later
  void tell_spares();
  [[nodiscard]] std::optional<std::uint32_t> free_line(std::uint32_t flags) const;
  void release_line(WorkerState* worker);
  void write_identities(const Attachment& a) const;
  void write_run_loops(const Attachment& a) const;  // of workers that have yet to change over
  // Copies the slot's identity word to S: the worker's own attachment; for other threads, and for a worker that has yet to
  // change over, the one of now.
  void publish_identity(const WorkerState* worker, std::uint32_t slot) const;
  void write_class(const Attachment& a, std::size_t id) const;
  void write_line(const Attachment& a, const WorkerState& worker) const;
  static void write_run_loop(const Attachment& a, const WorkerState& worker);
  std::vector<std::uint64_t> read_clocks(const std::vector<std::uint32_t>& workers);

  std::shared_ptr<Session> self_;  // what the C handle holds; null once closed
  std::atomic<bool> closed_{false};
  const std::uint32_t own_lines_;     // [0, own_lines_) are not for spare workers, the others are
  const shm::Dimensions dimensions_;  // what is asked for
  const std::string service_;
  const std::vector<std::string> run_dirs_;
  void (*const log_)(void*, const char*);
  void* const log_context_;

  std::uint32_t* alive_;  // 1, in a page that a fork wipes
  shm::TaskTable tasks_;
  std::atomic<std::uint32_t> class_count_{1};  // classes_.size(), for threads without the lock

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::shared_ptr<Attachment> attachment_;
  std::vector<std::unique_ptr<WorkerState>> workers_;  // by line; null where free
  std::vector<std::uint32_t> line_flags_;              // by line; of its last worker
  std::vector<Class> classes_;                         // by id
  std::unordered_map<std::string, std::uint16_t> class_ids_;
  std::vector<std::string> said_;
  std::uint64_t table_full_ = 0;  // tasks that got no slot

  std::mutex spares_mutex_;  // guards the next two; taken before mutex_
  std::vector<Spares*> spares_;
  std::uint32_t run_loops_ = 0;  // dealt

  std::atomic<int> lineless_{0};  // threads that wait for a line for a spare worker

  shm::Fd wake_;  // eventfd: stop
  shm::Fd poke_;  // eventfd
  pthread_t thread_{};
  bool mark_tells_ = false;  // the shim's own thread alone
  bool started_ = false;
};

}  // namespace pulsed::shim
