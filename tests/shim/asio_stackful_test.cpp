// Stackful coroutines, apart: the thread sanitizer does not follow them from stack to stack.
#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <vector>

#include "tests/shim/asio/held_context.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::HeldContext;
using pulsed::test::on_isolation_thread;
using pulsed::test::on_spare_thread;
using pulsed::test::Runners;
using pulsed::test::wait_until;
using pulsed::test::WatchedService;

TEST_CASE("Stackful coroutines poll, yield and move to the pool") {
  WatchedService service;
  net::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  std::vector<bool> isolated;
  net::spawn(ex, [&](net::yield_context yield) {
    pulsed::asio::checkpoint(yield);
    CHECK(service.polls() == 0);
    service.ask_to_yield();
    pulsed::asio::checkpoint(yield);
    CHECK(service.polls() == 1);
    service.isolate(ex.task().handle());
    pulsed::asio::yield_now(yield);
    isolated.push_back(on_isolation_thread());
    net::steady_timer timer(ctx, std::chrono::milliseconds(1));
    timer.async_wait(yield);
    isolated.push_back(on_isolation_thread());
    service.release(ex.task().handle());
    pulsed::asio::yield_now(yield);
    isolated.push_back(on_isolation_thread());
  });
  ctx.run();
  CHECK(isolated == std::vector{true, true, false});
  CHECK(service.totals(service.cls).yields == 1);
}

TEST_CASE("Many stackful coroutines keep their polls apart while they change threads") {
  WatchedService service;
  net::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  std::atomic<int> done{0};
  for (int i = 0; i < 20; ++i) {
    const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
    if (i % 2 == 0) service.isolate(ex.task().handle());
    net::spawn(ex, [&, ex](net::yield_context yield) {
      net::steady_timer timer(ctx);
      for (int round = 0; round < 20; ++round) {
        timer.expires_after(std::chrono::microseconds(20));
        timer.async_wait(yield);
        net::dispatch(ex, [] {});
        pulsed::asio::yield_now(yield);
      }
      ++done;
    });
  }
  { Runners runners(ctx, 2); }
  CHECK(done == 20);
  CHECK(service.polls() >= 20U * 2 * 20);
}

TEST_CASE("Stackful coroutines go on among spare workers, the pool and the context's threads") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  std::atomic<int> done{0};
  std::atomic<int> on_spares{0};
  for (int i = 0; i < 20; ++i) {
    const task_executor ex(t.ctx.get_executor(), t.session.open(t.cls));
    if (i % 2 == 0) t.isolate(ex.task().handle());
    net::spawn(ex, [&, ex](net::yield_context yield) {
      net::steady_timer timer(t.ctx);
      for (int round = 0; round < 20; ++round) {
        timer.expires_after(std::chrono::microseconds(20));
        timer.async_wait(yield);
        on_spares += on_spare_thread() ? 1 : 0;
        net::dispatch(ex, [] {});
        pulsed::asio::yield_now(yield);
      }
      if (++done == 10) t.let_go();
    });
  }
  wait_until([&] { return done == 20; });
  t.release();
  runners.join();
  CHECK(on_spares > 0);
  CHECK(t.polls() >= 20U * 2 * 20);
}
