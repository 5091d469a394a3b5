// The same over standalone Asio, in a program of its own: the macro chooses one Asio for all of it.
#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>

#include <atomic>
#include <stdexcept>

#include "tests/shim/asio/held_context.h"

#if !defined(PULSED_ASIO_STANDALONE)
#error "build this test with PULSED_ASIO_STANDALONE"
#endif

using pulsed::asio::task_executor;
using pulsed::test::HeldContext;
using pulsed::test::on_isolation_thread;
using pulsed::test::on_spare_thread;
using pulsed::test::Runners;
using pulsed::test::wait_until;
using pulsed::test::WatchedService;

TEST_CASE("Standalone Asio: posts, strands and coroutines are polls, isolated ones on the pool") {
  WatchedService service;
  asio::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  const task_executor heavy(ex, service.session.open(service.cls));
  service.isolate(heavy.task().handle());
  const auto strand = asio::make_strand(heavy);
  std::atomic<int> ordinary{0};
  std::atomic<int> isolated{0};
  const auto note = [&] { ++(on_isolation_thread() ? isolated : ordinary); };
  asio::post(ex, note);
  asio::post(heavy, note);
  asio::post(strand, note);
  asio::co_spawn(
      asio::any_io_executor(heavy),
      [&]() -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
        co_await timer.async_wait(asio::use_awaitable);
        co_await pulsed::asio::checkpoint();
        co_await pulsed::asio::yield_now();
        note();
      },
      asio::detached);
  { Runners runners(ctx, 2); }
  CHECK(ordinary == 1);
  CHECK(isolated == 3);
  CHECK(service.polls() == 6);
}

TEST_CASE("Standalone Asio: an executor fits into any_io_executor, and counts work") {
  WatchedService service;
  asio::io_context ctx;
  using Executor = task_executor<asio::io_context::executor_type>;
  const Executor ex(ctx.get_executor(), service.session.open(service.cls));
  static_assert(sizeof(Executor) == 2 * sizeof(void*));
  {
    const asio::any_io_executor work =
        asio::prefer(asio::any_io_executor(ex), asio::execution::outstanding_work.tracked);
    ctx.poll();
    CHECK_FALSE(ctx.stopped());
  }
  ctx.poll();
  CHECK(ctx.stopped());
  ctx.restart();
  asio::post(ex, [] { throw std::runtime_error("as asked"); });
  CHECK_THROWS_AS(ctx.run(), std::runtime_error);
}

TEST_CASE("Standalone Asio: spare workers serve, quiesce and give exceptions to the context") {
  HeldContext t;
  std::atomic<int> caught{0};
  const auto run = [&] {
    try {
      t.ctx.run();
    } catch (const std::runtime_error&) {
      ++caught;
      t.ctx.run();
    }
  };
  std::thread first(run);
  std::thread second(run);
  t.hold_and_wake(2);
  std::atomic<int> on_spares{0};
  for (int i = 0; i < 100; ++i) asio::post(t.ex, [&] { on_spares += on_spare_thread() ? 1 : 0; });
  wait_until([&] { return on_spares == 100; });
  asio::post(t.ex, [] { throw std::runtime_error("as asked"); });
  pulsed::asio::quiesce(t.ctx);
  t.release();
  first.join();
  second.join();
  CHECK(caught == 1);
}
