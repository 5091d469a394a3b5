#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/shim/asio/watched_service.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::WatchedService;

TEST_CASE("Whatever runs through the executor is a poll of its task, with its queue wait") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  int runs = 0;
  net::post(ex, [&] { ++runs; });
  net::defer(ex, [&] { ++runs; });
  net::dispatch(ex, [&] { ++runs; });
  net::post(ctx, net::bind_executor(ex, [&] { ++runs; }));
  ctx.run();
  CHECK(runs == 4);
  const auto totals = service.totals(service.cls);
  CHECK(totals.polls == 4);
  CHECK(totals.queue_waits == 3);  // the bound one was queued at the context, and dispatched inline
  CHECK(totals.queue_wait_ticks > 0);
}

TEST_CASE("A completion of I/O is a poll of the task its handler is bound to") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  net::steady_timer timer(ctx, std::chrono::milliseconds(1));
  bool fired = false;
  timer.async_wait(net::bind_executor(ex, [&](auto) { fired = true; }));
  ctx.run();
  CHECK(fired);
  CHECK(service.polls() == 1);
}

TEST_CASE("What a poll dispatches to its own task is part of that poll") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  bool inner = false;
  net::post(ex, [&] {
    net::dispatch(ex, [&] { net::dispatch(ex, [&] { inner = true; }); });
    CHECK(inner);
  });
  ctx.run();
  CHECK(inner);
  CHECK(service.polls() == 1);
  CHECK(service.totals(service.cls).queue_waits == 1);
}

TEST_CASE(
    "What a poll dispatches to another task is a poll of that one, which waited for nothing") {
  WatchedService service;
  const auto other = service.session.task_class("other");
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  const task_executor sibling(ex, service.session.open(other));
  bool ran = false;
  net::post(ex, [&] {
    net::dispatch(sibling, [&] { ran = true; });
    CHECK(ran);
  });
  ctx.run();
  CHECK(service.polls() == 1);
  CHECK(service.totals(other).polls == 1);
  CHECK(service.totals(other).queue_waits == 0);
}

TEST_CASE("A poll that runs the context keeps its own poll for its own functions") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  int runs = 0;
  net::post(ex, [&] {
    net::post(ex, [&] { ++runs; });
    ctx.poll();
    CHECK(runs == 1);
  });
  ctx.run();
  CHECK(service.polls() == 1);
  CHECK(service.totals(service.cls).queue_waits == 2);
}

TEST_CASE("An exception passes through, and its poll has ended") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  net::post(ex, [] { throw std::runtime_error("as asked"); });
  CHECK_THROWS_AS(ctx.run(), std::runtime_error);
  CHECK(service.polls() == 1);
  CHECK(service.peer.service.lines[0].task == 0);
  ctx.restart();
  net::post(ex, [] {});
  ctx.run();
  CHECK(service.polls() == 2);
}

TEST_CASE("A poll may give its task another class, which it then counts for") {
  WatchedService service;
  const auto route = service.session.task_class("GET /report");
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session, service.cls);
  net::post(ex, [&] { ex.task().set_class(route); });
  ctx.run();
  CHECK(service.polls() == 0);
  CHECK(service.totals(route).polls == 1);
}

TEST_CASE("The task is closed with the last executor and the last queued function") {
  WatchedService service;
  auto ctx = std::make_unique<net::io_context>();
  std::optional ex(task_executor(ctx->get_executor(), service.session.open(service.cls)));
  const pulsed_task task = ex->task().handle();
  const auto token = std::make_shared<int>();
  net::post(*ex, [token] {});
  CHECK(token.use_count() == 2);
  ex.reset();
  CHECK(service.state_of(task) == PULSED_IDENTITY_LIVE);
  ctx.reset();
  CHECK(service.state_of(task) == PULSED_IDENTITY_FREE);
  CHECK(token.use_count() == 1);
  CHECK(service.polls() == 0);
}

TEST_CASE("The last executor may go in a poll of its own task") {
  WatchedService service;
  net::io_context ctx;
  std::optional ex(task_executor(ctx.get_executor(), service.session.open(service.cls)));
  const pulsed_task task = ex->task().handle();
  net::post(*ex, [&] { ex.reset(); });
  ctx.run();
  CHECK(service.polls() == 1);
  CHECK(service.state_of(task) == PULSED_IDENTITY_FREE);
}

TEST_CASE("Over an executor that erases a task_executor, a new task stands beside the old one") {
  WatchedService service;
  net::io_context ctx;
  const task_executor parent(ctx.get_executor(), service.session.open(service.cls));
  const net::any_io_executor any = parent;
  const auto other = service.session.task_class("child");
  const task_executor child(any, service.session.open(other));
  CHECK(child.inner() == net::any_io_executor(ctx.get_executor()));
  const task_executor grandchild(net::any_io_executor(child), service.session, other);
  CHECK(grandchild.inner() == net::any_io_executor(ctx.get_executor()));
  net::post(child, [] {});
  ctx.run();
  CHECK(service.polls() == 0);
  CHECK(service.totals(other).polls == 1);
}

TEST_CASE("A thread is a worker from its first poll until it ends or the context does") {
  WatchedService service;
  {
    net::io_context ctx;
    const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
    CHECK(service.worker_states().empty());
    net::post(ex, [] {});
    ctx.run();
    CHECK(service.worker_states() == std::vector{PULSED_WORKER_ATTACHED});
    std::thread([&] {
      net::post(ex, [] {});
      ctx.restart();
      ctx.run();
      CHECK(service.worker_states().size() == 2);
    }).join();
    CHECK(service.worker_states().size() == 1);
  }
  CHECK(service.worker_states().empty());
}

TEST_CASE("A thread that is a worker by itself stays one, and is not detached for it") {
  WatchedService service;
  const pulsed::Worker worker(service.session, "own");
  {
    net::io_context ctx;
    const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
    net::post(ex, [] {});
    ctx.run();
  }
  CHECK(service.polls() == 1);
  CHECK(service.worker_states().size() == 1);
}

TEST_CASE("A worker of one session runs another session's tasks unseen") {
  WatchedService first;
  WatchedService second;
  net::io_context ctx;
  const task_executor a(ctx.get_executor(), first.session.open(first.cls));
  const task_executor b(ctx.get_executor(), second.session.open(second.cls));
  int runs = 0;
  net::post(a, [&] { ++runs; });
  net::post(b, [&] { ++runs; });
  net::post(a, [&] { ++runs; });
  ctx.run();
  CHECK(runs == 3);
  CHECK(first.polls() == 2);
  CHECK(second.polls() == 0);
}

TEST_CASE("Without a daemon, or without a task, all of it still runs") {
  pulsed::Session session({.run_dir = "/nonexistent"});
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), session.open(session.task_class("lonely")));
  const task_executor none(ctx.get_executor(), pulsed::Task{});
  int runs = 0;
  net::post(ex, [&] { ++runs; });
  net::post(none, [&] { ++runs; });
  ctx.run();
  CHECK(runs == 2);
}

TEST_CASE("A blocking.always executor runs before it returns") {
  WatchedService service;
  net::thread_pool threads(2);
  const task_executor ex(threads.get_executor(), service.session.open(service.cls));
  pulsed::asio::allow_migration(threads, true);
  service.isolate(ex.task().handle());
  bool ran = false;
  net::execution::execute(net::require(ex, net::execution::blocking.always), [&] { ran = true; });
  CHECK(ran);
  threads.join();
}
