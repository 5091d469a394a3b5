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
// An isolated task changes threads. So that happens only
//   - on an io_context or thread_pool executor, or an any_io_executor holding one (one that holds
//     a strand: never), and
//   - once two threads have run polls of that context, or after allow_migration(ctx, true).
// Isolated work counts as outstanding work of its context, an exception of it leaves through a
// run() of the context, and the pool dies with the context. Work queued for the pool of a stopped
// io_context goes back to the io_context, which keeps it. But stop() does not wait for what runs:
// before destroying what handlers use, call quiesce(ctx). An isolated poll must not destroy its own
// context. After fork(), isolated work of the parent stays with the parent.
#pragma once

#include <pulsed/asio/isolation_pool.hpp>
#include <pulsed/asio/task_executor.hpp>
#include <pulsed/asio/yield.hpp>

namespace pulsed::asio {

// How many threads the context's isolation pool may start, [1, 256]; default: one per CPU. They
// start as they are needed, named pulsed-iso-N, at nice 13. False, and nothing changed, once one
// runs or if out of range. Thread-safe.
inline bool isolation_threads(net::execution_context& context, unsigned threads) {
  return net::use_service<detail::IsolationPool>(context).threads().set_limit(threads);
}

// Whether tasks of this context may change threads, whatever number of threads runs it. Thread-
// safe.
inline void allow_migration(net::execution_context& context, bool allowed) {
  net::use_service<detail::IsolationPool>(context).allow_migration(allowed);
}

// Waits until no isolated poll of this context runs; after stop(), none will begin. From an
// isolated poll: until no other runs. For services that stop a context and then destroy what its
// handlers use.
inline void quiesce(net::execution_context& context) {
  if (!net::has_service<detail::IsolationPool>(context)) return;
  net::use_service<detail::IsolationPool>(context).threads().quiesce();
}

}  // namespace pulsed::asio
