// What waits for handlers on the adapter's threads: quiesce(), fork(), and the end of a thread of the service.
#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <thread>

#include "tests/shim/asio/held_context.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::HeldContext;
using pulsed::test::on_isolation_thread;
using pulsed::test::on_spare_thread;
using pulsed::test::Runners;
using pulsed::test::wait_until;

namespace {

int exit_status_of(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace
TEST_CASE("After stop() and quiesce() nothing runs on a spare worker, and nothing will") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  std::atomic<bool> running{false};
  std::atomic<bool> finished{false};
  std::atomic<int> later{0};
  std::latch go(1);
  net::post(t.ex, [&] {
    pulsed::asio::quiesce(t.ctx);  // not for itself
    running = true;
    go.wait();
    finished = true;
  });
  wait_until([&] { return running.load(); });
  t.ctx.stop();
  std::thread waiter([&] {
    pulsed::asio::quiesce(t.ctx);
    CHECK(finished);
  });
  go.count_down();
  waiter.join();
  for (int i = 0; i < 100; ++i) net::post(t.ex, [&] { ++later; });
  t.tell_spares(PULSED_SPARE_PARK);
  t.tell_spares(PULSED_SPARE_RUN);
  t.release();
  runners.join();
  pulsed::asio::quiesce(t.ctx);
  CHECK(later == 0);
}

// The guarantee of Asio alone, without a quiesce().
TEST_CASE("Who joins the threads of a stopped context knows that no handler runs") {
  for (const bool isolated : {false, true}) {
    HeldContext t;
    const task_executor ex(t.ctx.get_executor(), t.session.open(t.cls));
    std::atomic<bool> running{false};
    std::atomic<bool> finished{false};
    std::atomic<bool> elsewhere{false};
    std::atomic<int> later{0};
    std::atomic<bool> go{false};
    Runners runners(t.ctx, 2);
    t.hold_and_wake(2);
    if (isolated) t.isolate(ex.task().handle());
    net::post(ex, [&] {
      elsewhere = isolated ? on_isolation_thread() : on_spare_thread();
      running = true;
      go.wait(false);
      // Time enough to be late in; a sound build waits.
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      finished = true;
    });
    wait_until([&] { return running.load(); });
    t.ctx.stop();
    t.let_go();
    go = true;
    go.notify_all();
    runners.join();
    for (int i = 0; i < 100; ++i) net::post(t.ex, [&] { ++later; });
    CHECK(finished);
    CHECK(elsewhere);
    CHECK(later == 0);
    t.work.reset();
  }
}

TEST_CASE("A thread that ends beside a context that goes on, or after it died, waits for nothing") {
  HeldContext t;
  std::latch polled(1);
  std::latch end(1);
  std::thread after([&] {
    net::io_context dies;
    const task_executor ex(dies.get_executor(), t.session.open(t.cls));
    net::post(ex, [] {});
    dies.run();
  });
  after.join();
  std::atomic<bool> running{false};
  std::atomic<bool> go{false};
  Runners runners(t.ctx, 2);
  t.hold(2);
  std::thread leaves([&] {
    t.ctx.run_one();
    polled.count_down();
    end.wait();
  });
  net::post(t.ex, [] {});
  polled.wait();
  t.wait_for_spares(2);
  t.tell_spares(PULSED_SPARE_RUN);
  net::post(t.ex, [&] {
    running = true;
    go.wait(false);
  });
  wait_until([&] { return running.load(); });
  end.count_down();
  leaves.join();
  go = true;
  go.notify_all();
  t.release();
}

TEST_CASE("A handler on a spare worker and an isolated poll that both quiesce pass each other") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  const task_executor heavy(t.ctx.get_executor(), t.session.open(t.cls));
  t.isolate(heavy.task().handle());
  std::latch both(2);
  std::atomic<int> done{0};
  std::atomic<int> isolated{0};
  const auto quiesces = [&] {
    isolated += on_isolation_thread() ? 1 : 0;
    both.arrive_and_wait();
    pulsed::asio::quiesce(t.ctx);
    ++done;
  };
  net::post(t.ex, quiesces);
  net::post(heavy, quiesces);
  wait_until([&] { return done == 2; });
  CHECK(isolated == 1);
  t.release();
}

TEST_CASE("A child forked beside a spare worker's turn, unprepared, quiesces at once") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  std::atomic<bool> running{false};
  std::atomic<bool> go{false};
  net::post(t.ex, [&] {
    running = true;
    go.wait(false);
  });
  wait_until([&] { return running.load(); });
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    pulsed::asio::quiesce(t.ctx);
    _exit(0);
  }
  CHECK(exit_status_of(child) == 0);
  go = true;
  go.notify_all();
  t.release();
}

TEST_CASE("Two handlers on spare workers that quiesce the context do not wait for each other") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  std::latch both(2);
  std::atomic<int> done{0};
  for (int i = 0; i < 2; ++i) {
    net::post(t.ex, [&] {
      both.arrive_and_wait();
      pulsed::asio::quiesce(t.ctx);
      ++done;
    });
  }
  wait_until([&] { return done == 2; });
  t.release();
}

TEST_CASE("A handler may fork beside a spare worker: the child's context goes on and ends") {
  HeldContext t;
  CHECK(pulsed::asio::spare_workers(t.ctx, 1, true));
  std::atomic<bool> served{false};
  pid_t child = -1;
  bool after = false;
  net::post(t.ex, [&] {
    t.work.reset();
    t.wait_for_spares(1);
    t.tell_spares(PULSED_SPARE_RUN);
    net::post(t.ex, [&] { served = on_spare_thread(); });
    wait_until([&] { return served.load(); });
    t.ctx.notify_fork(net::execution_context::fork_prepare);
    child = fork();
    t.ctx.notify_fork(child == 0 ? net::execution_context::fork_child
                                 : net::execution_context::fork_parent);
    net::post(t.ex, [&] { after = true; });
  });
  t.ctx.run();
  if (child == 0) _exit(after && t.ctx.stopped() ? 0 : 1);
  CHECK(after);
  CHECK(exit_status_of(child) == 0);
}

TEST_CASE("A handler that forks on a spare worker goes on in the child, alone") {
  HeldContext t;
  Runners runners(t.ctx, 2);
  t.hold_and_wake(2);
  pid_t child = -1;
  t.on_spare([&] {
    t.ctx.notify_fork(net::execution_context::fork_prepare);
    child = fork();
    t.ctx.notify_fork(child == 0 ? net::execution_context::fork_child
                                 : net::execution_context::fork_parent);
    if (child == 0) net::post(t.ex, [&] { net::post(t.ctx, [] { _exit(7); }); });
  });
  CHECK(exit_status_of(child) == 7);
  t.on_spare([] {});
  t.release();
}

TEST_CASE("A forked child may drop a context that its parent's spare workers serve") {
  auto t = std::make_unique<HeldContext>();
  Runners runners(t->ctx, 2);
  t->hold_and_wake(2);
  t->on_spare([] {});
  t->tell_spares(PULSED_SPARE_PARK);
  t->wait_until_parked();
  const pid_t child = fork();
  if (child == 0) {
    pulsed::asio::quiesce(t->ctx);
    t->ctx.~io_context();
    _exit(0);
  }
  CHECK(exit_status_of(child) == 0);
  t->release();
  runners.join();
}
