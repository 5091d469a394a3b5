/* pulsed: tell the daemon beside you what each worker polls, and ask whether to yield. C ABI, usable from C11.
 *
 *   pulsed_session* s = pulsed_session_open(NULL);               // never blocks; works without a daemon
 *   uint16_t cls = pulsed_class(s, "checkout/render", PULSED_PRIORITY_NORMAL);
 *   pulsed_worker_attach(s, "worker-0", 0);                      // on each thread that polls
 *   pulsed_task task = pulsed_task_open(s, cls);
 *   pulsed_poll_begin(task);  ... if (pulsed_should_yield()) ...  pulsed_poll_end();
 *   pulsed_task_close(s, task);
 *
 * With no daemon, a dead one, or another ABI, every call does nothing, and the session retries in the background.
 * Nothing here throws, aborts, or blocks on the daemon. A forked child is inert: it may call all of this, to no effect.
 * Define PULSED_DISABLED, for the whole program, to compile the per-poll calls out altogether. */
#ifndef PULSED_SHIM_H
#define PULSED_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <pulsed/directive.h>

#if defined(__GNUC__)
#define PULSED_API __attribute__((visibility("default")))
#else
#error "pulsed needs GCC or Clang"
#endif

#define PULSED_SHIM_VERSION 2u /* of this header's inline code; the library refuses another */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pulsed_session
    pulsed_session; /* owned by who opened it; every call on it is thread-safe */

/* A handle by value: a packed reference (see pulsed/abi.h). {0} is "no task" of the unnamed class. Not owned by a thread;
 * polled by one worker at a time. */
typedef struct pulsed_task {
  uint64_t ref;
} pulsed_task;

/* All fields may be 0 or NULL: the default. `size` is sizeof(pulsed_session_options), for later versions. */
typedef struct pulsed_session_options {
  size_t size;
  const char* service; /* at most 63 bytes; default: the daemon takes the executable's name */
  const char*
      run_dir; /* where attach.sock is; default $PULSED_RUN_DIR, else /run/pulsed, else $XDG_RUNTIME_DIR/pulsed */
  /* Threads of yours that may poll at once, [1, 4096]; default 64. The daemon is asked for as many worker lines again for
   * spare workers, 4096 in all at most; where it allows no such number there are no spare workers. */
  uint32_t workers;
  uint32_t
      ring_samples; /* samples a worker's ring holds, a power of two in [64, 2^20]; default 16384 */
  uint32_t tasks;   /* live tasks with a slot, [64, 2^24]; default 65536 */
  uint32_t classes; /* task classes, [2, 4096]; default 1024 */
  /* Where messages go, one line each, no newline; NULL: stderr. Called from any thread, rarely. */
  void (*log)(void* context, const char* message);
  void* log_context;
} pulsed_session_options;

/* Opens a session and starts its thread, which attaches and re-attaches with backoff. NULL only if out of memory or
 * threads, or an option is out of range (errno EINVAL, and the log says which). Environment PULSED_DISABLE=1 keeps it
 * detached for good. */
PULSED_API pulsed_session* pulsed_session_open(const pulsed_session_options* options);

/* Closes it; not to be used in any call after. Threads that are still its workers fall inert at their next poll begin, and
 * give back what it holds when the last of them detaches or ends. NULL is allowed. */
PULSED_API void pulsed_session_close(pulsed_session* session);

/* 1 while a daemon is attached, else 0. */
PULSED_API int pulsed_session_attached(const pulsed_session* session);

/* Waits until attached, at most timeout_ms (0: only look). 1 if attached. For tests and tools; services need not wait. */
PULSED_API int pulsed_session_wait_attached(pulsed_session* session, uint32_t timeout_ms);

/* Registers a class or finds it by name: 1 to 55 bytes of UTF-8 without control characters. The same name gives the same
 * id; the first priority stays. Returns 0, the unnamed class, when the table is full or the name is not valid. */
PULSED_API uint16_t pulsed_class(pulsed_session* session, const char* name,
                                 enum pulsed_priority priority);

#define PULSED_WORKER_ATTACH_ISOLATION 1u /* this thread belongs to the isolation pool */

/* Makes the calling thread a worker of the session. 0, or -1 if the thread is one of an open session already, no line is
 * free, or header and library differ (then the thread stays inert). `name`: at most 16 bytes are kept. */
static inline int pulsed_worker_attach(pulsed_session* session, const char* name, uint32_t flags);
/* The opposite; also done when the thread ends. Not inside a poll. */
PULSED_API void pulsed_worker_detach(void);

/* Spare workers: threads of the service, kept parked, of which the daemon wakes one when a worker is held by a poll that
 * does not end, and retires it when that has passed. Parked they use no CPU time (without futex_waitv, before Linux
 * 5.16: a look each second).
 *
 * From `begin` to `end` they have the signal mask of a thread that serves the run loop; else all signals but faults are
 * blocked. They also have its CPU affinity, scheduling policy and nice value, as far as the service may set them, and its
 * stack size. Of several such threads it is the last that raised their number to a new height, as it was then. All else
 * (credentials, capabilities, namespaces, memory policy, timer slack) is as in the thread that opened the session. */
typedef struct pulsed_spares
    pulsed_spares; /* owned by who opened it; every call on it is thread-safe */

typedef struct pulsed_spares_options {
  size_t size; /* sizeof(pulsed_spares_options) */
  /* Serves the run loop on the calling thread: runs what is ready, waits for more until `microseconds` have passed, and
   * returns when a poll ends after that. Returns how many polls it ran, 0 if there was nothing. On spare workers only,
   * several at once; must not throw. */
  uint32_t (*turn)(void* context, uint32_t microseconds);
  /* Around the turns from one waking to the next parking, on the same thread; may be NULL. */
  void (*begin)(void* context);
  void (*end)(void* context);
  void* context;
  uint32_t
      count; /* of spare workers, at most 256; 0: as many as there are workers that serve the run loop */
  uint32_t
      from_workers; /* none before so many workers serve the run loop; 0: two, so never beside a single thread */
} pulsed_spares_options;

/* Sets spare workers up for a run loop; their threads start when workers serve it and a daemon is attached that wakes them,
 * and then stay. NULL if out of memory or a required option is missing. Each takes one of the session's worker lines for
 * spare workers, and waits for one where none is free. */
PULSED_API pulsed_spares* pulsed_spares_open(pulsed_session* session,
                                             const pulsed_spares_options* options);
/* After it no turn runs and none begins: waits for those that do. On a spare worker, as when exit() is called there, it cannot
 * wait for its own: that is the last, and is not followed by `end`. Before what `context` points to dies, and before the
 * session closes. Workers that serve the run loop may go on. NULL is allowed. */
PULSED_API void pulsed_spares_close(pulsed_spares* spares);
/* Says that the calling worker serves that run loop from now on (NULL: none that has spare workers). Between polls. */
PULSED_API void pulsed_worker_serves(pulsed_spares* spares);

/* 1 if a live daemon is attached that sets OS priorities itself, so that threads of an isolation pool need not lower their
 * own. */
PULSED_API int pulsed_daemon_demotes(const pulsed_session* session);

/* Deals a slot to a new task; when the table is full the task still has its class. An id that pulsed_class did not give is
 * the unnamed class. Thread-safe, about 20 ns on a worker. */
PULSED_API pulsed_task pulsed_task_open(pulsed_session* session, uint16_t cls);
/* Returns the slot. The task may be in a poll of the calling thread (it ends normally), not of another. */
PULSED_API void pulsed_task_close(pulsed_session* session, pulsed_task task);
/* Gives the task another class from now on; inside its own poll, for that poll too. Not while another thread polls it. */
PULSED_API void pulsed_task_set_class(pulsed_session* session, pulsed_task* task, uint16_t cls);

/* What the daemon asks for this task now: a set of enum pulsed_directive; 0 without a live daemon. Any thread. */
PULSED_API uint32_t pulsed_task_directive(const pulsed_session* session, pulsed_task task);

/* The weight of the task's class now, [1, 1000]: its share of the isolation pool's time, beside those of other classes that
 * have work there. The ordinary one, 100, without a live daemon, or where the policy says nothing. For those that schedule
 * isolated tasks; the Asio adapter does. Any thread. */
PULSED_API uint32_t pulsed_task_weight(const pulsed_session* session, pulsed_task task);

/* Where the shim's clock stands, in ticks; differences of two readings are queue waits. */
static inline uint64_t pulsed_now(void);

/* The calling worker begins and ends a poll of the task, which must be of its own session. Inline; no locked instruction,
 * no system call. Polls nest: of the same task they count as one, of another the outer poll pauses. Not a worker, or
 * detached: two instructions. */
static inline void pulsed_poll_begin(pulsed_task task);
static inline void pulsed_poll_end(void);
/* pulsed_poll_end() and pulsed_poll_begin(task) in one, and equal to them in all that comes of it, but with one reading
 * of the clock for both, which is most of what they cost. For a loop that polls one task after another: what it does
 * between two calls, such as to take the next task from its queue, counts for the earlier poll, so pulsed_poll_end()
 * before it waits. Without a poll in flight it only begins one. Not a worker, or detached: two instructions. */
static inline void pulsed_poll_next(pulsed_task task);

/* Records that the task could run `ticks` before now (saturates at 2^40). Inside a poll only; otherwise nothing. */
static inline void pulsed_queue_wait(pulsed_task task, uint64_t ticks);
/* The same where it could run from `queued` on, a reading of pulsed_now() on any thread, until the poll in flight began:
 * spares a reading of the clock. */
static inline void pulsed_queue_wait_since(pulsed_task task, uint64_t queued);

/* 1 if the daemon asks the poll in flight on this thread to yield. True until pulsed_yielding() or the poll's
 * end. */
static inline int pulsed_should_yield(void);
/* Says that the poll in flight is about to end because it was asked to: counted as a yield obeyed. Without having been
 * asked: nothing. */
PULSED_API void pulsed_yielding(void);

#ifdef __cplusplus
}
#endif

#include <pulsed/hot.h>

#endif
