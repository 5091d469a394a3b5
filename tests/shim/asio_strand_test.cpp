#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/defer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/shim/asio/watched_service.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::on_isolation_thread;
using pulsed::test::Runners;
using pulsed::test::wait_until;
using pulsed::test::WatchedService;

namespace {

// What only a strand keeps whole: plain counters, and a flag that shows any overlap.
struct Guarded {
  std::atomic<bool> busy{false};
  int overlaps = 0;
  int isolated = 0;
  int done = 0;

  void enter() {
    if (busy.exchange(true)) ++overlaps;
    if (on_isolation_thread()) ++isolated;
    ++done;
    busy.store(false);
  }
};

}  // namespace

TEST_CASE("Functions on a strand over the executor are polls, one after another, in order") {
  WatchedService service;
  net::io_context ctx;
  const auto strand =
      net::make_strand(task_executor(ctx.get_executor(), service.session.open(service.cls)));
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) net::post(strand, [&, i] { order.push_back(i); });
  { Runners runners(ctx, 2); }
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  CHECK(service.polls() >= 1);
  CHECK(service.polls() <= 100);
}

// The guarantee: while four threads post and defer to one strand on two workers and an isolation
// pool of two threads, and the task is isolated and released all the time, no two functions overlap
// and none is lost.
TEST_CASE("A strand keeps its exclusion while its task moves to the isolation pool and back") {
  constexpr int kProducers = 4;
  constexpr int kEach = 5000;
  WatchedService service;
  net::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  CHECK(pulsed::asio::isolation_threads(ctx, 2));
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  const auto strand = net::make_strand(ex);
  const pulsed_task task = ex.task().handle();
  Guarded guarded;
  {
    auto work = net::make_work_guard(ctx);
    Runners runners(ctx, 2);
    std::atomic<bool> over{false};
    std::thread control([&] {
      for (bool isolate = true; !over; isolate = !isolate) {
        isolate ? service.isolate(task) : service.release(task);
        std::this_thread::yield();
      }
    });
    std::vector<std::thread> producers;
    for (int p = 0; p < kProducers; ++p) {
      producers.emplace_back([&] {
        for (int i = 0; i < kEach; i += 2) {
          net::post(strand, [&] {
            guarded.enter();
            net::dispatch(strand, [&] { ++guarded.done; });
          });
          net::defer(strand, [&] { guarded.enter(); });
          if (i % 100 == 0) std::this_thread::yield();
        }
      });
    }
    for (std::thread& producer : producers) producer.join();
    over = true;
    control.join();
    service.isolate(task);
    std::atomic<bool> last{false};
    net::post(strand, [&] { last = true; });
    wait_until([&] { return last.load(); });
    net::post(strand, [&] { guarded.enter(); });
    work.reset();
  }
  CHECK(guarded.overlaps == 0);
  CHECK(guarded.done == kProducers * kEach * 3 / 2 + 1);
  CHECK(guarded.isolated > 0);
}

TEST_CASE("A strand wholly isolated runs on the pool alone, in order") {
  WatchedService service;
  net::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  const auto strand = net::make_strand(ex);
  service.isolate(ex.task().handle());
  std::vector<int> order;
  int isolated = 0;
  for (int i = 0; i < 1000; ++i) {
    net::post(strand, [&, i] {
      order.push_back(i);
      if (on_isolation_thread()) ++isolated;
    });
  }
  ctx.run();
  REQUIRE(order.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  CHECK(isolated == 1000);
}

TEST_CASE("An erased strand inside the executor never migrates, and stays exclusive") {
  WatchedService service;
  net::io_context ctx;
  pulsed::asio::allow_migration(ctx, true);
  const net::any_io_executor strand = net::make_strand(ctx);
  const task_executor ex(strand, service.session.open(service.cls));
  service.isolate(ex.task().handle());
  Guarded guarded;
  for (int i = 0; i < 1000; ++i) net::post(ex, [&] { guarded.enter(); });
  { Runners runners(ctx, 2); }
  CHECK(guarded.overlaps == 0);
  CHECK(guarded.isolated == 0);
  CHECK(guarded.done == 1000);
  CHECK(service.polls() == 1000);
}
