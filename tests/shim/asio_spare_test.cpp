#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "tests/shim/asio/held_context.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::FakeDaemon;
using pulsed::test::HeldContext;
using pulsed::test::on_isolation_thread;
using pulsed::test::on_spare_thread;
using pulsed::test::Runners;
using pulsed::test::wait_until;
using pulsed::test::WatchedService;

TEST_CASE("While polls hold all threads spare workers serve the context, until told to park") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  std::atomic<int> polls{0};
  std::atomic<int> plain{0};
  for (int i = 0; i < 100; ++i) {
    net::post(t.ex, [&] { polls += on_spare_thread() ? 1 : 0; });
    net::post(t.ctx, [&] { plain += on_spare_thread() ? 1 : 0; });
  }
  wait_until([&] { return polls == 100 && plain == 100; });
  bool timed = false;
  net::steady_timer timer(t.ctx, std::chrono::milliseconds(1));
  std::promise<void> fired;
  timer.async_wait(net::bind_executor(t.ex, [&](auto) {
    timed = on_spare_thread();
    fired.set_value();
  }));
  fired.get_future().wait();
  CHECK(timed);

  t.tell_spares(PULSED_SPARE_PARK);
  t.wait_until_parked();
  std::atomic<int> ordinary{0};
  for (int i = 0; i < 100; ++i) net::post(t.ex, [&] { ordinary += on_spare_thread() ? 0 : 1; });
  t.release();
  runners.join();
  CHECK(ordinary == 100);
  CHECK(t.polls() == 2 + 100 + 1 + 100);
}

TEST_CASE("A spare worker that is still told to run does not keep a context that is done") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  t.on_spare([] {});
  t.release();
  runners.join();  // returns
  CHECK(t.ctx.stopped());
}

TEST_CASE("What one spare worker holds up, another serves") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  std::latch both(2);
  std::atomic<int> on_spares{0};
  for (int i = 0; i < 2; ++i) {
    net::post(t.ex, [&] {
      both.arrive_and_wait();
      on_spares += on_spare_thread() ? 1 : 0;
    });
  }
  wait_until([&] { return on_spares == 2; });
  t.release();
}

TEST_CASE("Threads that run a context one after the other are not several, two at a time are") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  const auto& pool = net::use_service<pulsed::asio::detail::IsolationPool>(ctx);
  for (int i = 0; i < 3; ++i) {
    net::post(ex, [] {});
    std::thread([&] { ctx.run(); }).join();
    ctx.restart();
  }
  net::post(ex, [&] { net::dispatch(ex, [] {}); });
  ctx.run();
  ctx.restart();
  CHECK_FALSE(pool.several_threads());
  std::latch both(2);
  for (int i = 0; i < 2; ++i) net::post(ex, [&] { both.arrive_and_wait(); });
  { Runners runners(ctx, 2); }
  CHECK(pool.several_threads());
}

TEST_CASE(
    "Of two threads whose polls begin in the same instant one sees the other, before either ends") {
  using pulsed::asio::detail::IsolationPool;
  constexpr int kRounds = 20'000;
  const auto pools = std::make_unique<std::optional<IsolationPool>[]>(kRounds);
  net::io_context ctx;
  for (int i = 0; i < kRounds; ++i) pools[i].emplace(ctx);
  std::array<std::atomic<int>, 2> begun{};  // rounds, by each of the two
  const auto begin_all = [&](int self) {
    const auto& thread = pulsed::asio::detail::thread_state();
    for (int round = 0; round < kRounds; ++round) {
      for (int spins = 0; begun[1 - self] < round; ++spins) {
        if (spins > 1'000) std::this_thread::yield();  // perhaps both have one CPU
      }
      (void)pools[round]->begin_seen(thread);
      begun[self] = round + 1;
    }
  };
  std::thread other(begin_all, 1);
  begin_all(0);
  other.join();
  int unseen = 0;
  for (int round = 0; round < kRounds; ++round) unseen += pools[round]->several_threads() ? 0 : 1;
  CHECK(unseen == 0);
}

TEST_CASE("Spare workers do not make a context one of several threads") {
  HeldContext t;
  CHECK(pulsed::asio::spare_workers(t.ctx, 1, true));
  Runners runners(t.ctx, 1);
  t.hold_and_wake(1);
  t.on_spare([] {});
  CHECK_FALSE(net::use_service<pulsed::asio::detail::IsolationPool>(t.ctx).several_threads());
  t.release();
}

TEST_CASE("A context that one thread runs has no spare workers unless the service says so") {
  for (const bool opted_in : {false, true}) {
    HeldContext t;
    CHECK(pulsed::asio::spare_workers(t.ctx, 1, opted_in));
    Runners runners(t.ctx, 1);
    t.hold();
    CHECK(t.serving() == 1);
    // Where another thread ran it before, and serves it still, there are spare workers: idle ones.
    std::latch polled(1);
    std::latch go(1);
    t.release();
    runners.join();
    t.ctx.restart();
    std::thread other([&] {
      net::post(t.ex, [] {});
      t.ctx.run();
      polled.count_down();
      go.wait();
    });
    polled.wait();
    t.ctx.restart();
    std::atomic<int> on_spares{0};
    std::atomic<bool> holds{false};
    std::atomic<bool> end{false};
    net::post(t.ex, [&] {
      holds = true;
      end.wait(false);
    });
    std::thread only([&] { t.ctx.run(); });
    wait_until([&] { return holds.load(); });
    t.wait_for_spares(1);
    t.tell_spares(PULSED_SPARE_RUN);
    if (opted_in) {
      t.on_spare([] {});
    } else {
      // Time enough to be wrong in; a sound build never is.
      for (int i = 0; i < 20; ++i) {
        net::post(t.ctx, [&] { on_spares += on_spare_thread() ? 1 : 0; });
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    end = true;
    end.notify_all();
    go.count_down();
    other.join();
    only.join();
    CHECK(on_spares == 0);
  }
}

TEST_CASE("The number of spare workers is the service's to say, before the first poll") {
  HeldContext t;
  CHECK_FALSE(pulsed::asio::spare_workers(t.ctx, 257));
  CHECK(pulsed::asio::spare_workers(t.ctx, 256));
  CHECK(pulsed::asio::spare_workers(t.ctx, 1));
  Runners runners(t.ctx, 2);
  t.hold(2);
  CHECK_FALSE(pulsed::asio::spare_workers(t.ctx, 2));
  t.wait_for_spares(1);
  t.tell_spares(PULSED_SPARE_RUN);
  t.on_spare([&] { CHECK(t.spares().size() == 1); });
  t.release();

  HeldContext none;
  CHECK(pulsed::asio::spare_workers(none.ctx, 0));
  Runners others(none.ctx, 2);
  none.hold(2);
  CHECK(none.serving() == 0);
  none.release();
}

TEST_CASE("A context that forbids migration has no spare workers, from then on") {
  HeldContext t;
  pulsed::asio::allow_migration(t.ctx, false);
  Runners runners(t.ctx, 2);
  const auto polled_by_both = [&] {
    std::latch both(2);
    std::latch seen(2);
    for (int i = 0; i < 2; ++i) {
      net::post(t.ex, [&] {
        both.arrive_and_wait();
        seen.count_down();
      });
    }
    seen.wait();
  };
  polled_by_both();
  CHECK(t.serving() == 0);
  pulsed::asio::allow_migration(t.ctx, true);
  polled_by_both();
  CHECK(t.serving() == 2);
  t.hold_and_wake(2);
  t.on_spare([] {});
  pulsed::asio::allow_migration(t.ctx, false);
  t.wait_until_parked();
  t.let_go();
  polled_by_both();
  CHECK(t.serving() == 0);
  t.release();
}

TEST_CASE("A thread that runs another context serves that, and a pool's thread none") {
  WatchedService service;
  net::io_context one;
  net::io_context two;
  const auto served = [&] {
    return __atomic_load_n(&service.peer.service.lines[0].run_loop, __ATOMIC_RELAXED);
  };
  const auto polled_in = [&](net::io_context& ctx) {
    const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
    std::uint32_t run_loop = 0;
    net::post(ex, [&] { run_loop = served(); });
    ctx.restart();
    ctx.run();
    return run_loop;
  };
  const auto first = polled_in(one);
  const auto second = polled_in(two);
  CHECK(first != 0);
  CHECK(second != 0);
  CHECK(first != second);
  CHECK(polled_in(one) == first);
  net::thread_pool threads(1);
  const task_executor ex(threads.get_executor(), service.session.open(service.cls));
  net::post(ex, [] {});
  threads.join();
  CHECK(service.serving() == 1);
}

TEST_CASE("A thread that polls on a strand in an erased executor serves the strand's context") {
  WatchedService service;
  net::io_context ctx;
  const net::any_io_executor strand = net::make_strand(ctx);
  const net::any_io_executor twice = net::make_strand(strand);
  std::vector<std::uint32_t> run_loops;
  for (const net::any_io_executor& inner :
       {net::any_io_executor(ctx.get_executor()), strand, twice}) {
    const task_executor ex(inner, service.session.open(service.cls));
    net::post(ex, [&] {
      run_loops.push_back(
          __atomic_load_n(&service.peer.service.lines[0].run_loop, __ATOMIC_RELAXED));
    });
  }
  ctx.run();
  CHECK(run_loops == std::vector<std::uint32_t>{1, 1, 1});
}

TEST_CASE("A context that follows a dead one at its address gets spare workers of its own") {
  WatchedService service;
  std::optional<net::io_context> ctx;
  for (int life = 1; life <= 3; ++life) {
    ctx.emplace();
    CHECK(pulsed::asio::spare_workers(*ctx, 1, true));
    const task_executor ex(ctx->get_executor(), service.session.open(service.cls));
    std::uint32_t run_loop = 0;
    net::post(ex, [&] {
      run_loop = __atomic_load_n(&service.peer.service.lines[0].run_loop, __ATOMIC_RELAXED);
    });
    ctx->run();
    CHECK(run_loop == static_cast<std::uint32_t>(life));
  }
}

// The guarantee: however a context dies whose spare workers are at work, each function is either run
// or destroyed, all on time, and nothing hangs.
TEST_CASE("A context that dies under load has joined its spare workers") {
  WatchedService service;
  const auto token = std::make_shared<std::atomic<int>>(0);
  for (int round = 0; round < 100; ++round) {
    auto ctx = std::make_unique<net::io_context>();
    const task_executor ex(ctx->get_executor(), service.session.open(service.cls));
    std::atomic<bool> end{false};
    std::latch both(3);
    for (int i = 0; i < 2; ++i) {
      net::post(ex, [&] {
        both.arrive_and_wait();
        end.wait(false);
      });
    }
    Runners runners(*ctx, 2);
    both.arrive_and_wait();
    service.wait_for_spares(2);
    service.tell_spares(PULSED_SPARE_RUN);
    const int before = *token;
    for (int i = 0; i < 500; ++i) {
      net::post(ex, [ex, token] {
        if (++*token % 2 == 0) net::post(ex, [token] { ++*token; });
      });
    }
    wait_until([&] { return *token != before; });
    if (round % 2 == 0) ctx->stop();
    end = true;
    end.notify_all();
    runners.join();
    if (round % 4 == 0) pulsed::asio::quiesce(*ctx);
    ctx.reset();
    CHECK(service.spares().empty());
  }
  CHECK(token.use_count() == 1);
}

TEST_CASE("A session may end before a context whose spare workers it knew") {
  FakeDaemon daemon;
  net::io_context ctx;
  CHECK(pulsed::asio::spare_workers(ctx, 1, true));
  {
    pulsed::Session session{{.service = "asio-test", .run_dir = daemon.run_dir()}};
    const auto peer = daemon.accept();
    CHECK(session.wait_attached(std::chrono::seconds(10)));
    const task_executor ex(ctx.get_executor(), session.open({}));
    net::post(ex, [] {});
    ctx.run();
    wait_until([&] {
      bool started = false;
      for (std::uint32_t worker = 0; worker < peer.dimensions.workers; ++worker) {
        started |= __atomic_load_n(&peer.service.lines[worker].state, __ATOMIC_ACQUIRE) ==
                   (PULSED_WORKER_ATTACHED | PULSED_WORKER_SPARE);
      }
      return started;
    });
  }
  ctx.restart();
  bool ran = false;
  net::post(ctx, [&] { ran = true; });
  ctx.run();
  CHECK(ran);
}

TEST_CASE("What a spare worker posts to an isolated task runs on the pool") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  const task_executor heavy(t.ctx.get_executor(), t.session.open(t.cls));
  std::atomic<int> isolated{0};
  t.on_spare([&] {
    t.isolate(heavy.task().handle());
    for (int i = 0; i < 100; ++i) {
      net::post(heavy, [&] { isolated += on_isolation_thread() ? 1 : 0; });
    }
  });
  wait_until([&] { return isolated == 100; });
  t.release();
}

// The guarantee: while spare workers come and go beside two threads and a pool of two, and the task is
// isolated and released all the time, no two functions of a strand overlap and none is lost.
TEST_CASE("A strand keeps its exclusion among spare workers, the pool and the context's threads") {
  constexpr int kFunctions = 20'000;
  HeldContext t;
  CHECK(pulsed::asio::isolation_threads(t.ctx, 2));
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  t.tell_spares(PULSED_SPARE_PARK);
  const task_executor ex(t.ctx.get_executor(), t.session.open(t.cls));
  const auto strand = net::make_strand(ex);
  const pulsed_task task = ex.task().handle();
  std::atomic<bool> inside{false};
  std::atomic<int> overlaps{0};
  std::atomic<int> done{0};
  std::atomic<int> on_spares{0};
  std::atomic<bool> over{false};
  const auto function = [&] {
    overlaps += inside.exchange(true) ? 1 : 0;
    on_spares += on_spare_thread() ? 1 : 0;
    inside = false;
    ++done;
  };
  std::thread control([&] {
    for (unsigned i = 0; !over; ++i) {
      t.tell_spares(i % 4 == 3 ? PULSED_SPARE_PARK : PULSED_SPARE_RUN);
      i % 2 == 0 ? t.isolate(task) : t.release(task);
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < kFunctions; ++i) {
    net::post(strand, function);
    if (i == kFunctions / 2) t.let_go();
    if (i % 100 == 0) std::this_thread::yield();
  }
  wait_until([&] { return done == kFunctions; });
  over = true;
  control.join();
  t.release();
  CHECK(overlaps == 0);
  CHECK(on_spares > 0);
}
