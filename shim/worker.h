// A worker's hot state and its life; the slow ways out of the inline path are in poll.cpp.
//
// Who may write the hot page: while the thread's TLS pointer is null, the session (under its lock) fills it, then sets the
// pointer; from then on the worker alone, but for `ready`, which the session clears to make the worker come here at its next
// poll begin. So a worker changes segments only between its own polls, and the segments it reads stay mapped until it has
// changed, however long it sleeps: at most one old pair a worker.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <pulsed/shim.h>

#include "shared_memory/segment.h"
#include "shared_memory/task_table.h"

namespace pulsed::shim {

class Session;

// One attachment to one daemon: both segments, mapped. Immutable but for what the ABI lets each side write.
struct Attachment {
  shm::ServiceEnd end;
  shm::ServiceRegions service;
  shm::DaemonRegions daemon;
  shm::Dimensions dimensions;
  bool mark_tells;  // a mark that stands at poll end proves that the poll was never descheduled
};

// Is the daemon alive enough to be obeyed?
[[nodiscard]] bool lease_holds(const pulsed_daemon_line& daemon);

// A poll that another one interrupted.
struct OuterPoll {
  std::uint64_t ref;
  std::uint64_t start;
  std::uint64_t cpu_start_ns;
  std::uint64_t paused_at;
  std::uint64_t paused_cpu_ns;
  std::uint32_t flattened;
  bool measured;
  bool exact;
};

struct WorkerState;

// The private page of a worker: MADV_WIPEONFORK, so that all of it is zero in a child, `worker` included.
struct HotPage {
  pulsed_hot hot;
  WorkerState* worker;         // null: we are in a child
  std::uint64_t obeyed;        // the start of the last poll that obeyed a yield
  std::uint64_t last_begin;    // of a poll, where the clock is the portable one
  std::uint64_t cpu_start_ns;  // of a measured poll
  std::uint64_t unused_rseq;   // where the mark goes without rseq
  std::uint32_t measured;      // the poll in flight is measured
  std::uint32_t flattened;     // begins of the same task inside it
  std::uint32_t depth;         // of `outer`
  std::uint32_t unrestored;    // waits for restoring in a row that the daemon did not end
  std::array<OuterPoll, 32> outer;
};
static_assert(sizeof(HotPage) <= PULSED_PAGE);

// How many ordinary workers serve a run loop, which they may do for longer than it has spare workers.
struct LoopServers {
  std::atomic<std::uint32_t> now{0};
  std::atomic<std::uint32_t> most{0};  // ever
};

// What the session knows of a worker. `attachment` is guarded by the session's lock, but the thread itself may read it while
// its TLS pointer is set, as then only it changes it.
struct WorkerState {
  std::shared_ptr<Session> session;  // which may be closed
  HotPage* page;
  std::uint32_t index;  // of its line
  std::uint32_t tid;
  std::uint32_t flags;                  // PULSED_WORKER_* bits of its line
  std::atomic<std::uint32_t> run_loop;  // written by the worker's thread
  std::shared_ptr<LoopServers> serves;  // the worker's thread alone
  std::string name;
  pulsed_hot** tls_hot;
  const pulsed_hot** tls_asked;
  std::shared_ptr<Attachment> attachment;  // what the hot page points into
  shm::SlotQueue slots;                    // the worker's thread alone
};

// This thread's worker, or null; also null in a forked child.
[[nodiscard]] WorkerState* this_worker();

// Makes this thread, which is no worker, one of the session, its line marked with `kind`, one of PULSED_WORKER_* or 0. Null
// if there is no memory or no free line.
WorkerState* attach_this_thread(Session& session, const char* name, std::uint32_t kind,
                                std::uint32_t run_loop);
// The opposite; nothing on a thread that is no worker, or in a forked child.
void detach_this_thread();

// Makes this thread's inline calls do nothing, until a page is published to it.
void go_inert();

// Points the hot page into the attachment (null: detaches) and publishes it to the thread. By the worker itself, or by the
// session while the thread's TLS pointer is null. Under the session's lock.
void point_at(WorkerState& worker, std::shared_ptr<Attachment> attachment);

// Pushes an OPEN or CLOSE record from the worker's own thread, if it is attached.
void push_record(WorkerState& worker, pulsed_task task, pulsed_record_kind kind);

// Gives the poll in flight on this thread, if it is of `task`, another class.
void reclassify_poll(std::uint64_t task_ref, std::uint16_t cls);

}  // namespace pulsed::shim
