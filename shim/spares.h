// Spare workers: parked threads that serve a run loop while one of its workers is held by a poll that does not end.
//
//          ┌────────────────────────────── parked ◄───────────────────────────┐
//          │ the daemon stores RUN in D and wakes                              │ PARK, lease out, nobody held,
//          ▼                                                                   │ another attachment, closed
//        begin(context) ──► turn(context, 2 ms), again and again ──► end(context)
//
// The threads are the Spares' own and are joined by close(). A parked one waits on its word in D and on `changes_` at once,
// so that neither the daemon nor the session needs to know which it waits for. The shim's thread starts them, once the
// attached daemon wakes any; workers only say whom they serve. Their worker lines are theirs alone, so that no thread of the
// service goes without one because of them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <pthread.h>

#include <pulsed/shim.h>

#include "shim/thread_environment.h"
#include "shim/worker.h"

namespace pulsed::shim {

class Spares {
 public:
  // Null if out of memory, in a forked child, or without a turn.
  static Spares* open(std::shared_ptr<Session> session, const pulsed_spares_options& options);
  // Joins the threads and destroys it. On a thread of its own: joins the others, and leaves itself to its end, so that a
  // process may exit there. In a forked child: nothing.
  static void close(Spares* spares);
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;

  [[nodiscard]] std::uint32_t run_loop() const { return run_loop_; }
  [[nodiscard]] const Session& session() const { return *session_; }

  [[nodiscard]] std::shared_ptr<LoopServers> servers() const { return servers_; }

  // By the session, under its list's lock: do workers that serve the run loop entitle to more threads than there are?
  [[nodiscard]] bool due() const;
  // Starts them; what went wrong.
  [[nodiscard]] std::string start();
  // By a thread that serves the run loop: spare workers do so like this one.
  void take_over_environment();
  // The session's attachment changed: whoever is parked looks again.
  void look_again();

 private:
  Spares(std::shared_ptr<Session> session, const pulsed_spares_options& options);
  ~Spares() = default;
  struct Thread {
    Spares& spares;
    unsigned ordinal;
    pthread_t handle{};
    std::atomic<const std::uint32_t*> word{nullptr};  // in D; the last one it waited on
    std::uint32_t environments = 0;                   // the change of which it has taken over
    ThreadEnvironment environment{};
    bool closed_spares = false;  // in its turn
  };

  bool start_thread();
  void serve(Thread& self);                   // a spare worker's life
  WorkerState* await_line(const char* name);  // null: closed before
  // `look`: after how long it looks again where nobody is held.
  void park(Thread& self, const WorkerState& worker, std::uint32_t changes,
            std::chrono::milliseconds& look) const;
  void engage(Thread& self, const WorkerState& worker);
  void adopt_environment(Thread& self);
  void join_others();
  [[nodiscard]] bool wanted(const WorkerState& worker) const;
  [[nodiscard]] bool needed(const WorkerState& worker) const;
  void serve_as_child() const;

  const std::shared_ptr<Session> session_;
  const pulsed_spares_options options_;  // complete
  std::uint32_t run_loop_ = 0;           // dealt by the session, once
  const std::shared_ptr<LoopServers> servers_ = std::make_shared<LoopServers>();
  // Under the session's list's lock until it is off the list.
  std::vector<std::unique_ptr<Thread>> threads_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> others_ended_{false};  // all but the one that closed the spares
  std::mutex environment_mutex_;           // guards the next
  ThreadEnvironment environment_{};
  std::atomic<std::uint32_t> environments_{0};  // how often it was taken over

  std::uint32_t changes_ = 0;  // futex: counts attachments come and gone, and the stop

  static thread_local Thread* current_;  // whose spare worker this thread is, if one

  friend class Session;
};

}  // namespace pulsed::shim
