#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/shim/asio/held_context.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::HeldContext;
using pulsed::test::on_isolation_thread;
using pulsed::test::on_spare_thread;
using pulsed::test::Runners;
using pulsed::test::wait_until;

// The guarantee: a spare worker in the midst of its turns never stops a context, above all not one
// that its owner has restarted and has yet to give work; and run() still returns when the work is
// done, which it is then.
TEST_CASE("A context that is restarted, given work and run beside a spare worker just works") {
  const int rounds = std::getenv("PULSED_TEST_FULL") != nullptr ? 100'000 : 20'000;
  net::io_context ctx;
  pulsed::asio::detail::SpareTurns turns(ctx);
  std::atomic<bool> over{false};
  std::thread spare([&] {
    for (int i = 0; !over; ++i) {
      turns.begin(nullptr);
      for (int n = 0; n < i % 3; ++n) turns.turn(std::chrono::microseconds(i % 7 * 5));
      turns.end();
    }
  });
  std::atomic<int> done{0};
  int stopped = 0;
  int early = 0;
  for (int round = 1; round <= rounds; ++round) {
    ctx.restart();
    if (round % 64 == 0) std::this_thread::yield();
    stopped += ctx.stopped() ? 1 : 0;
    net::post(ctx, [&] {
      if (round % 16 == 0) std::this_thread::yield();
      ++done;
    });
    if (round % 2 == 0) net::post(ctx, [&ctx, round] { net::post(ctx, [round] { (void)round; }); });
    ctx.run();
    early += done == round ? 0 : 1;
  }
  over = true;
  spare.join();
  CHECK(stopped == 0);
  CHECK(early == 0);
  CHECK(done == rounds);
}

TEST_CASE("The turn on a stopped context ends at once, and so does one when it is stopped") {
  constexpr std::chrono::hours kNever{1};  // the turn's length; a test that waits for it fails
  net::io_context ctx;
  pulsed::asio::detail::SpareTurns turns(ctx);
  ctx.stop();
  std::thread([&] {
    turns.begin(nullptr);
    CHECK(turns.turn(kNever) == 0);
    turns.end();
  }).join();
  ctx.restart();
  CHECK(ctx.run() == 0);  // no work of a spare worker was left behind
  ctx.restart();

  std::atomic<bool> ran{false};
  net::post(ctx, [&] { ran = true; });
  std::thread spare([&] {
    turns.begin(nullptr);
    CHECK(turns.turn(kNever) == 1);
    turns.end();
  });
  wait_until([&] { return ran.load(); });
  ctx.stop();
  spare.join();
}

TEST_CASE("An exception on a spare worker leaves through a run() of the context, once") {
  HeldContext t;
  std::atomic<int> caught{0};
  const auto run = [&] {
    for (;;) {
      try {
        t.ctx.run();
        return;
      } catch (const std::runtime_error& e) {
        caught += std::string(e.what()) == "as asked" ? 1 : 100;
      }
    }
  };
  std::thread first(run);
  std::thread second(run);
  t.hold_and_wake(2);
  std::atomic<bool> thrown{false};
  net::post(t.ex, [&] {
    thrown = on_spare_thread();
    throw std::runtime_error("as asked");
  });
  wait_until([&] { return thrown.load(); });
  std::atomic<bool> after{false};
  net::post(t.ex, [&] { after = true; });
  CHECK(caught == 0);
  t.release();
  first.join();
  second.join();
  CHECK(caught == 1);
  CHECK(after);
  CHECK(t.polls() == 4);
}

TEST_CASE(
    "Exceptions on spare workers do not keep them from serving, and each leaves through run()") {
  HeldContext t;
  std::atomic<int> caught{0};
  const auto run = [&] {
    for (;;) {
      try {
        t.ctx.run();
        return;
      } catch (int which) {
        caught += which;
      }
    }
  };
  std::thread first(run);
  std::thread second(run);
  t.hold_and_wake(2);
  std::atomic<int> served{0};
  for (int i = 1; i <= 5; ++i) {
    net::post(t.ex, [i] { throw i; });
    for (int k = 0; k < 10; ++k) net::post(t.ex, [&] { served += on_spare_thread() ? 1 : 0; });
  }
  wait_until([&] { return served == 50; });
  CHECK(caught == 0);
  t.release();
  first.join();
  second.join();
  CHECK(caught == 1 + 2 + 3 + 4 + 5);
}

TEST_CASE("A handler may end the thread of a spare worker, as it may any other") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  std::atomic<bool> exits{false};
  net::post(t.ex, [&] {
    exits = on_spare_thread();
    pthread_exit(nullptr);
  });
  wait_until([&] { return exits.load(); });
  t.on_spare([] {});
  t.release();
}

TEST_CASE("An exception of an isolated poll leaves through run() though spare workers find it") {
  HeldContext t;
  std::atomic<int> caught{0};
  const task_executor heavy(t.ctx.get_executor(), t.session.open(t.cls));
  t.isolate(heavy.task().handle());
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
  std::atomic<bool> isolated{false};
  net::post(heavy, [&] {
    isolated = on_isolation_thread();
    throw std::runtime_error("as asked");
  });
  wait_until([&] { return isolated.load(); });
  pulsed::asio::quiesce(t.ctx);
  t.release();
  first.join();
  second.join();
  CHECK(caught == 1);
}
