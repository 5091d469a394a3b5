// What the adapter knows of the calling thread: whether it is a worker already, and which task it
// polls. A thread becomes a worker at its first poll through an adapter; the shim detaches it when
// it ends, or the context does when it dies.
#pragma once

#include <pulsed/shim.h>

#include <pthread.h>

#include <cstdint>

namespace pulsed::asio::detail {

class InFlight;
class SpareTurns;
class TaskState;

struct ThreadState {
  pulsed_session* session = nullptr;    // whose worker this thread is, or tried to be
  const TaskState* current = nullptr;   // the task in poll here, innermost
  const SpareTurns* spare = nullptr;    // not null: a spare worker, of the shim's making
  const InFlight* in_flight = nullptr;  // not null: what runs here is none of the service's threads
  std::uint64_t run_loop = 0;           // which one it has said it serves (see SpareWorkers)
  bool submitting = false;  // inside the inner executor's execute(): a run now is inline
  bool isolation = false;   // a thread of an isolation pool
  bool left_over = false;   // a spare worker that forked itself: the child's only thread
  bool attached = false;    // the adapter, not the service, made this thread a worker

  // One of the service's own, that runs the context because the service says so.
  [[nodiscard]] bool ordinary() const noexcept { return !isolation && spare == nullptr; }
};

inline constinit thread_local ThreadState tls_thread_state{};

// Never inlined and never cached: a stackful coroutine may have moved to another thread since the
// last call, and compilers keep a TLS address across a context switch. The asm keeps them from
// proving the result constant.
[[gnu::noinline]] inline ThreadState& thread_state() noexcept {
  asm volatile("");
  return tls_thread_state;
}

[[gnu::noinline, gnu::cold]] inline void register_worker(ThreadState& thread,
                                                         pulsed_session* session) noexcept {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof(name));
  const std::uint32_t flags = thread.isolation ? PULSED_WORKER_ATTACH_ISOLATION : 0;
  thread.attached = pulsed_worker_attach(session, name, flags) == 0;
  thread.session = session;  // also where it failed: no line is free, or the service did it itself
}

// May this thread publish polls of that session's tasks? A worker belongs to one session; polls for
// another run unseen.
inline bool is_worker_of(ThreadState& thread, pulsed_session* session) noexcept {
  if (thread.session == session || session == nullptr) return true;
  if (thread.session != nullptr) return false;
  register_worker(thread, session);
  return true;
}

// Undoes register_worker(), so that a session may end before a thread that polled for it, such as
// the main thread.
inline void release_worker(ThreadState& thread) noexcept {
  if (thread.current != nullptr || thread.spare != nullptr) return;
  if (thread.attached) pulsed_worker_detach();
  thread.attached = false;
  thread.session = nullptr;
  thread.run_loop = 0;
}

// Tells a function that the inner executor runs it inside execute(), before it returns.
class Submitting {
 public:
  Submitting() noexcept { thread_state().submitting = true; }
  ~Submitting() { thread_state().submitting = false; }
  Submitting(const Submitting&) = delete;
  Submitting& operator=(const Submitting&) = delete;
};

}  // namespace pulsed::asio::detail
