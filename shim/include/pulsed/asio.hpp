// pulsed for Boost.Asio (standalone Asio: define PULSED_ASIO_STANDALONE): what runs through a
// task_executor is polls of its task, I/O completions included, and an isolated task polls on
// threads of its own.
//
//   pulsed::Session session{{.service = "shop"}};  // outlives the io_context
//   const auto checkout = session.task_class("checkout");
//   pulsed::asio::task_executor ex(ctx.get_executor(), session.open(checkout));
//   co_spawn(ex, handle(std::move(socket)), detached);
//   ...
//   while (work()) co_await pulsed::asio::checkpoint();  // inside handle(): yields when asked to
//
// It works for all that takes an executor: co_spawn, spawn, post, bind_executor, I/O objects,
// any_io_executor, and make_strand(task_executor(...)) for handlers that must not overlap. Threads
// register as workers by themselves.
//
// Queue wait is measured from execute() to the poll, so for what is posted, spawned or resumed from
// another thread; of an I/O completion, which Asio runs where it finds it, only the poll is seen.
//
// Two things make handlers run on threads that the service did not start, and so with thread-locals
// of their own. Both stay off until two threads have been in polls of the context at the same time,
// and allow_migration(ctx, false) keeps them off.
//
// A spare worker runs an io_context while a poll holds one of its threads, and is parked otherwise.
// It runs whatever is ready, handlers without a task included, just as one more thread in
// ctx.run(): those that must not overlap need a strand. What the held poll itself deferred waits for
// its end. spare_workers(ctx, 0) turns them off.
//
// An isolated task polls on the pool, if its executor is that of an io_context or thread_pool, or an
// any_io_executor holding one (one that holds a strand: never). allow_migration(ctx, true) lets it
// whatever number of threads runs the context. Work queued for the pool of a stopped io_context goes
// back to the io_context, which keeps it.
//
// Isolated tasks share the pool fairly: while classes contend, the time of its threads goes to each
// in proportion to its weight under the policy, 100 if nothing is said, and each comes to its turn.
// Within a class it is first come, first served.
//
// Either counts as outstanding work of the context while it lasts, and an exception leaves through a
// run() of the context, on a thread of the service; spare workers pause once 16 wait for that. The end
// of that work is a handler too: a run() after restart() may count one that the service never posted.
// The context ends these threads when it dies, so none of their polls may destroy it.
//
// Their stacks are of the default size, and their credentials those of the process when they were
// started: a handler that needs other ones must set them itself.
//
// stop() does not wait for what they run. Before destroying what handlers use, after stop(): join the
// threads, or quiesce(ctx) where run() was called on a thread that lives on, such as the main thread.
// A thread that has polled tasks of a context waits at its end, if that is stopped then, until none of
// its handlers runs on these threads; so such a handler must not join it.
//
// A forked child has neither: isolated work stays with the parent; ctx.notify_fork() waits for spare
// workers, however long a handler takes on one, and the child's context goes on without them.
#pragma once

#include <pulsed/asio/isolation_pool.hpp>
#include <pulsed/asio/spare_workers.hpp>
#include <pulsed/asio/task_executor.hpp>
#include <pulsed/asio/yield.hpp>

namespace pulsed::asio {

// How many threads the context's isolation pool may start, [1, 256]; default: one per CPU. They
// start as they are needed, named pulsed-iso-N. The daemon lowers their priority; where it may not,
// they run at nice 13. False, and nothing changed, once one runs or if out of range. Thread-safe.
inline bool isolation_threads(net::execution_context& context, unsigned threads) {
  return net::use_service<detail::IsolationPool>(context).threads().set_limit(threads);
}

// How many spare workers the context has, [0, 256], 0: none; default: as many as threads run it. How
// many of them may be awake at once is the policy's max_spare_workers. `beside_single_thread`: also where
// a single thread runs it, whose handlers may then overlap; not for a context made with concurrency
// hint 1, where two threads may stall. False, and nothing changed, after the first poll by a worker,
// or if out of range. Thread-safe.
inline bool spare_workers(net::io_context& context, unsigned count,
                          bool beside_single_thread = false) {
  return net::use_service<detail::SpareWorkers>(context).choose(count, beside_single_thread);
}

// Whether tasks of this context may change threads, whatever number of threads runs it. False: it
// has no spare workers either. Thread-safe.
inline void allow_migration(net::execution_context& context, bool allowed) {
  net::use_service<detail::IsolationPool>(context).allow_migration(allowed);
  if (!net::has_service<detail::SpareWorkers>(context)) return;
  net::use_service<detail::SpareWorkers>(context).ask_again();
}

// Waits until no isolated poll of this context and nothing on its spare workers runs; after stop(),
// none will begin. From one of these threads: until no other runs that does not wait here as well.
inline void quiesce(net::execution_context& context) {
  if (!net::has_service<detail::IsolationPool>(context)) return;
  net::use_service<detail::IsolationPool>(context).threads().in_flight()->wait();
}

}  // namespace pulsed::asio
