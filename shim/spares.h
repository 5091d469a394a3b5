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
#include <string>
#include <thread>
#include <vector>

#include <pulsed/shim.h>

#include "shim/worker.h"

namespace pulsed::shim {

class Spares {
 public:
  // Null if out of memory, in a forked child, or without a turn.
  static Spares* open(std::shared_ptr<Session> session, const pulsed_spares_options& options);
  // Joins the threads and destroys it. On a thread of its own, or in a forked child: nothing.
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
  // The session's attachment changed: whoever is parked looks again.
  void look_again();

 private:
  Spares(std::shared_ptr<Session> session, const pulsed_spares_options& options);
  ~Spares() = default;
  void start_thread();
  void serve(unsigned ordinal);               // a spare worker's life
  WorkerState* await_line(const char* name);  // null: closed before
  // `look`: after how long it looks again where nobody is held.
  void park(const WorkerState& worker, std::uint32_t changes,
            std::chrono::milliseconds& look) const;
  void engage(const WorkerState& worker) const;
  [[nodiscard]] bool wanted(const WorkerState& worker) const;
  [[nodiscard]] bool needed(const WorkerState& worker) const;
  void serve_as_child() const;

  const std::shared_ptr<Session> session_;
  const pulsed_spares_options options_;  // complete
  std::uint32_t run_loop_ = 0;           // dealt by the session, once
  const std::shared_ptr<LoopServers> servers_ = std::make_shared<LoopServers>();
  std::vector<std::thread> threads_;  // under the session's list's lock until it is off the list
  std::atomic<bool> stopping_{false};
  std::uint32_t changes_ = 0;  // futex: counts attachments come and gone, and the stop

  friend class Session;
};

}  // namespace pulsed::shim
