#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "tests/shim/asio/watched_service.h"

namespace net = boost::asio;
using net::awaitable;
using net::use_awaitable;
using pulsed::asio::task_executor;
using pulsed::test::on_isolation_thread;
using pulsed::test::Runners;
using pulsed::test::WatchedService;
using Socket = net::local::stream_protocol::socket;

namespace {

constexpr int kRounds = 20;

// Sends a byte, waits for it to come back, pauses.
awaitable<void> client(Socket socket, std::atomic<int>& done) {
  net::steady_timer timer(co_await net::this_coro::executor);
  std::array<char, 1> byte{};
  for (int i = 0; i < kRounds; ++i) {
    co_await net::async_write(socket, net::buffer(byte), use_awaitable);
    co_await net::async_read(socket, net::buffer(byte), use_awaitable);
    timer.expires_after(std::chrono::microseconds(20));
    co_await timer.async_wait(use_awaitable);
    co_await pulsed::asio::checkpoint();
  }
  ++done;
}

awaitable<void> server(Socket socket, std::atomic<int>& done) {
  std::array<char, 1> byte{};
  for (int i = 0; i < kRounds; ++i) {
    co_await net::async_read(socket, net::buffer(byte), use_awaitable);
    co_await net::async_write(socket, net::buffer(byte), use_awaitable);
  }
  ++done;
}

// Pairs of a client and a server, each a task of its own; the server's socket is bound to its task.
void serve_pairs(WatchedService& service, net::io_context& ctx, int pairs, std::uint32_t asked) {
  std::atomic<int> done{0};
  for (int i = 0; i < pairs; ++i) {
    const task_executor near(ctx.get_executor(), service.session.open(service.cls));
    const task_executor far(ctx.get_executor(), service.session.open(service.cls));
    service.peer.ask_task(near.task().handle(), asked);
    Socket a(ctx);
    Socket b(far);
    net::local::connect_pair(a, b);
    net::co_spawn(near, client(std::move(a), done), net::detached);
    net::co_spawn(far, server(std::move(b), done), net::detached);
  }
  { Runners runners(ctx, 2); }
  CHECK(done == 2 * pairs);
}

}  // namespace

TEST_CASE("Coroutines with sockets and timers on two threads are polls of their tasks") {
  WatchedService service;
  net::io_context ctx;
  serve_pairs(service, ctx, 25, PULSED_DIRECTIVE_NONE);
  // The first poll of each, and at least one for every byte read and every timer.
  CHECK(service.polls() >= 25U * (2 + 2 * kRounds));
  CHECK(service.totals(service.cls).queue_waits >= 50);
}

TEST_CASE("They go on as well while half of them are isolated") {
  WatchedService service;
  net::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  serve_pairs(service, ctx, 25, PULSED_DIRECTIVE_ISOLATE);
  CHECK(service.polls() >= 25U * (2 + 2 * kRounds));
}

TEST_CASE("A checkpoint goes on when nothing is asked, and yields once a directive") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  std::vector<std::uint64_t> polls;
  net::co_spawn(
      ex,
      [&]() -> awaitable<void> {
        co_await pulsed::asio::checkpoint();
        polls.push_back(service.polls());
        service.ask_to_yield();
        co_await pulsed::asio::checkpoint();
        polls.push_back(service.polls());
        co_await pulsed::asio::checkpoint();
        if (pulsed::should_yield()) co_await pulsed::asio::yield_now();
        polls.push_back(service.polls());
        co_await pulsed::asio::yield_now();
        polls.push_back(service.polls());
      },
      net::detached);
  ctx.run();
  CHECK(polls == std::vector<std::uint64_t>{0, 1, 1, 2});
  CHECK(service.totals(service.cls).yields == 1);
  CHECK(service.polls() == 3);
}

TEST_CASE("Whatever was queued before a yield runs before the coroutine goes on") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  std::vector<int> order;
  net::co_spawn(
      ex,
      [&]() -> awaitable<void> {
        net::post(ctx, [&] { order.push_back(1); });
        co_await pulsed::asio::yield_now();
        order.push_back(2);
      },
      net::detached);
  ctx.run();
  CHECK(order == std::vector{1, 2});
}

TEST_CASE("A coroutine isolated in a poll goes on at the pool after its next yield, and back") {
  WatchedService service;
  net::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  std::vector<bool> isolated;
  net::co_spawn(
      ex,
      [&]() -> awaitable<void> {
        const pulsed_task task = ex.task().handle();
        service.isolate(task);
        isolated.push_back(on_isolation_thread());
        co_await pulsed::asio::yield_now();
        isolated.push_back(on_isolation_thread());
        net::steady_timer timer(co_await net::this_coro::executor, std::chrono::milliseconds(1));
        co_await timer.async_wait(use_awaitable);
        isolated.push_back(on_isolation_thread());
        service.release(task);
        co_await pulsed::asio::yield_now();
        isolated.push_back(on_isolation_thread());
      },
      net::detached);
  ctx.run();
  CHECK(isolated == std::vector{false, true, true, false});
}

TEST_CASE("Coroutines of the executor's own type yield, too") {
  WatchedService service;
  net::io_context ctx;
  using Executor = task_executor<net::io_context::executor_type>;
  const Executor ex(ctx.get_executor(), service.session.open(service.cls));
  bool done = false;
  net::co_spawn(
      ex,
      [&]() -> awaitable<void, Executor> {
        co_await pulsed::asio::checkpoint<Executor>();
        co_await pulsed::asio::yield_now<Executor>();
        (co_await net::this_coro::executor).task().set_class(service.session.task_class("late"));
        done = true;
      },
      net::detached);
  ctx.run();
  CHECK(done);
}

TEST_CASE("Coroutines suspended when their context goes are destroyed with their tasks") {
  WatchedService service;
  std::vector<pulsed_task> tasks;
  for (const std::uint32_t asked : {PULSED_DIRECTIVE_NONE, PULSED_DIRECTIVE_ISOLATE}) {
    net::io_context ctx;
    pulsed::asio::allow_migration(ctx, true);
    for (int i = 0; i < 10; ++i) {
      const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
      tasks.push_back(ex.task().handle());
      service.peer.ask_task(tasks.back(), asked);
      net::co_spawn(
          ex,
          []() -> awaitable<void> {
            net::steady_timer timer(co_await net::this_coro::executor, std::chrono::hours(1));
            co_await timer.async_wait(use_awaitable);
          },
          net::detached);
    }
    ctx.poll();
    pulsed::asio::quiesce(ctx);
  }
  for (const pulsed_task task : tasks) CHECK(service.state_of(task) == PULSED_IDENTITY_FREE);
}

TEST_CASE("A cancelled operation resumes its coroutine in a poll") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  net::steady_timer timer(ctx, std::chrono::hours(1));
  bool cancelled = false;
  net::co_spawn(
      ex,
      [&]() -> awaitable<void> {
        try {
          co_await timer.async_wait(use_awaitable);
        } catch (const boost::system::system_error& error) {
          cancelled = error.code() == net::error::operation_aborted;
        }
      },
      net::detached);
  net::post(ctx, [&] { timer.cancel(); });
  ctx.run();
  CHECK(cancelled);
  CHECK(service.polls() == 2);
}
