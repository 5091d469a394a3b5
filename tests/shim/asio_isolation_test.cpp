#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/shim/asio/watched_service.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::on_isolation_thread;
using pulsed::test::Runners;
using pulsed::test::thread_name;
using pulsed::test::thread_nice;
using pulsed::test::wait_until;
using pulsed::test::WatchedService;

namespace {

// An io_context that says it may migrate, and a task of it that the daemon isolates.
struct IsolatedTask : WatchedService {
  net::io_context ctx;
  task_executor<net::io_context::executor_type> ex{ctx.get_executor(), session.open(cls)};

  IsolatedTask() {
    pulsed::asio::allow_migration(ctx, true);
    isolate(ex.task().handle());
  }
};

}  // namespace

TEST_CASE("An isolated task polls on the pool, and leaves it with its directive") {
  IsolatedTask t;
  std::vector<bool> isolated;
  const auto note = [&] { isolated.push_back(on_isolation_thread()); };
  net::post(t.ex, note);
  t.ctx.run();
  t.release(t.ex.task().handle());
  t.ctx.restart();
  net::post(t.ex, note);
  t.ctx.run();
  CHECK(isolated == std::vector{true, false});
  const auto totals = t.totals(t.cls);
  CHECK(totals.polls == 2);
  CHECK(totals.queue_waits == 2);
}

TEST_CASE("What an isolated poll dispatches to its own task is part of that poll") {
  IsolatedTask t;
  std::vector<int> order;
  net::post(t.ex, [&] {
    net::dispatch(t.ex, [&] { order.push_back(on_isolation_thread() ? 1 : 0); });
    order.push_back(2);
    net::dispatch(t.ex, [] { throw std::runtime_error("as asked"); });
    order.push_back(3);
  });
  CHECK_THROWS_WITH_AS(t.ctx.run(), "as asked", std::runtime_error);
  t.ctx.restart();
  t.ctx.run();
  CHECK(order == std::vector{1, 2, 3});
  CHECK(t.polls() == 1);
}

TEST_CASE("A poll isolated while it runs keeps what it dispatches to its own task") {
  IsolatedTask t;
  const pulsed_task task = t.ex.task().handle();
  t.release(task);
  bool ran = false;
  net::post(t.ex, [&] {
    t.isolate(task);
    net::dispatch(t.ex, [&] { ran = !on_isolation_thread(); });
    CHECK(ran);
  });
  t.ctx.run();
  CHECK(ran);
  CHECK(t.polls() == 1);
}

TEST_CASE("The pool's threads are named, nice, deaf to signals, and workers of the pool") {
  IsolatedTask t;
  CHECK(pulsed::asio::isolation_threads(t.ctx, 1));
  CHECK_FALSE(pulsed::asio::isolation_threads(t.ctx, 0));
  CHECK_FALSE(pulsed::asio::isolation_threads(t.ctx, 257));
  std::string name;
  int nice = 0;
  sigset_t blocked;
  std::vector<std::uint32_t> states;
  net::post(t.ex, [&] {
    name = thread_name();
    nice = thread_nice();
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    states = t.worker_states();
  });
  t.ctx.run();
  CHECK(name == "pulsed-iso-0");
  CHECK(nice == std::max(13, thread_nice()));
  CHECK(sigismember(&blocked, SIGTERM) == 1);
  CHECK(sigismember(&blocked, SIGSEGV) == 0);
  CHECK(states == std::vector{PULSED_WORKER_ATTACHED | PULSED_WORKER_ISOLATION});
  CHECK_FALSE(pulsed::asio::isolation_threads(t.ctx, 2));
}

TEST_CASE("The pool's threads leave their priority to a daemon that sets priorities") {
  IsolatedTask t;
  CHECK(pulsed::asio::isolation_threads(t.ctx, 1));
  const auto nice_of_a_poll = [&] {
    int nice = -100;
    t.ctx.restart();  // first: what comes to a stopped context waits there for its run()
    net::post(t.ex, [&] { nice = thread_nice(); });
    t.ctx.run();
    return nice;
  };
  t.peer.set_abilities(PULSED_DAEMON_DEMOTES);
  CHECK(nice_of_a_poll() == thread_nice());
  t.peer.set_abilities(0);
  CHECK(nice_of_a_poll() == std::max(13, thread_nice()));
}

TEST_CASE("A context run by one thread keeps its tasks, run by two it lets them go") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  service.isolate(ex.task().handle());
  bool isolated = true;
  net::post(ex, [&] { net::post(ex, [&] { isolated = on_isolation_thread(); }); });
  ctx.run();
  CHECK_FALSE(isolated);

  ctx.restart();
  std::latch both(2);
  net::post(ex, [&] { both.arrive_and_wait(); });
  net::post(ex, [&] { both.arrive_and_wait(); });
  { Runners runners(ctx, 2); }
  ctx.restart();
  net::post(ex, [&] { isolated = on_isolation_thread(); });
  ctx.run();
  CHECK(isolated);
}

TEST_CASE("A context that forbids migration keeps its tasks") {
  IsolatedTask t;
  pulsed::asio::allow_migration(t.ctx, false);
  std::atomic<int> ordinary{0};
  std::latch both(2);
  for (int i = 0; i < 2; ++i) {
    net::post(t.ex, [&] {
      both.arrive_and_wait();
      net::post(t.ex, [&] { ordinary += on_isolation_thread() ? 0 : 1; });
    });
  }
  { Runners runners(t.ctx, 2); }
  CHECK(ordinary == 2);
}

TEST_CASE("Without a fresh heartbeat no task is isolated") {
  IsolatedTask t;
  t.peer.let_lease_run_out();
  bool isolated = true;
  net::post(t.ex, [&] { isolated = on_isolation_thread(); });
  t.ctx.run();
  CHECK_FALSE(isolated);
}

TEST_CASE("Completions of I/O go to the pool, and run() waits for what they do there") {
  IsolatedTask t;
  net::steady_timer timer(t.ctx, std::chrono::milliseconds(1));
  int chain = 0;
  std::function<void(boost::system::error_code)> next = [&](auto) {
    CHECK(on_isolation_thread());
    if (++chain == 50) return;
    timer.expires_after(std::chrono::microseconds(50));
    timer.async_wait(net::bind_executor(t.ex, std::ref(next)));
  };
  timer.async_wait(net::bind_executor(t.ex, std::ref(next)));
  { Runners runners(t.ctx, 2); }
  CHECK(chain == 50);
  CHECK(t.polls() == 50);
}

TEST_CASE("Isolated work done before run() does not stop the context") {
  IsolatedTask t;
  std::atomic<int> isolated{0};
  for (int i = 1; i <= 3; ++i) {
    net::post(t.ex, [&] { ++isolated; });
    wait_until([&] { return isolated == i; });
    pulsed::asio::quiesce(t.ctx);
    CHECK_FALSE(t.ctx.stopped());
  }
  bool ran = false;
  net::post(t.ctx, [&] { ran = true; });
  t.ctx.run();
  CHECK(ran);
  CHECK(t.ctx.stopped());
}

TEST_CASE("Threads of a pool and erased executors isolate as well") {
  WatchedService service;
  net::io_context ctx;
  net::thread_pool threads(2);
  pulsed::asio::allow_migration(ctx, true);
  pulsed::asio::allow_migration(threads, true);
  const task_executor on_threads(threads.get_executor(), service.session.open(service.cls));
  const net::any_io_executor any_io = ctx.get_executor();
  const net::any_io_executor any_tracked =
      net::require(ctx.get_executor(), net::execution::outstanding_work.tracked);
  const net::any_io_executor any_threads = threads.get_executor();
  std::atomic<int> isolated{0};
  for (const net::any_io_executor& any : {any_io, any_tracked, any_threads}) {
    const task_executor ex(any, service.session.open(service.cls));
    service.isolate(ex.task().handle());
    net::post(ex, [&] { isolated += on_isolation_thread() ? 1 : 0; });
  }
  service.isolate(on_threads.task().handle());
  net::post(on_threads, [&] { isolated += on_isolation_thread() ? 1 : 0; });
  wait_until([&] { return isolated == 4; });
  threads.join();
}

TEST_CASE("An exception of an isolated poll leaves through run()") {
  IsolatedTask t;
  net::post(t.ex, [] { throw std::runtime_error("as asked"); });
  CHECK_THROWS_WITH_AS(t.ctx.run(), "as asked", std::runtime_error);
  t.ctx.restart();
  t.ctx.run();
  CHECK(t.polls() == 1);
}

TEST_CASE("Work queued for the pool of a stopped context goes back to the context") {
  IsolatedTask t;
  pulsed::asio::isolation_threads(t.ctx, 1);
  std::atomic<bool> running{false};
  std::latch go(1);
  std::vector<bool> isolated;
  net::post(t.ex, [&] {
    running = true;
    go.wait();
  });
  net::post(t.ex, [&] { isolated.push_back(on_isolation_thread()); });
  wait_until([&] { return running.load(); });
  t.ctx.stop();
  go.count_down();
  pulsed::asio::quiesce(t.ctx);
  CHECK(isolated.empty());
  t.ctx.restart();
  t.ctx.run();
  CHECK(isolated == std::vector{false});
}

TEST_CASE("Quiesce waits for the poll that runs, but not for its caller") {
  IsolatedTask t;
  std::atomic<bool> running{false};
  std::atomic<bool> finished{false};
  std::latch go(1);
  net::post(t.ex, [&] {
    pulsed::asio::quiesce(t.ctx);
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
  net::io_context untouched;
  pulsed::asio::quiesce(untouched);
}

// The guarantee: however a context with isolated work is destroyed, stopped or not, each function
// is either run or destroyed, and nothing hangs.
TEST_CASE("A context destroyed with isolated work leaks and waits for nothing") {
  WatchedService service;
  const auto token = std::make_shared<std::atomic<int>>(0);
  for (int round = 0; round < 100; ++round) {
    auto ctx = std::make_unique<net::io_context>();
    pulsed::asio::allow_migration(*ctx, true);
    pulsed::asio::isolation_threads(*ctx, 2);
    const task_executor ex(ctx->get_executor(), service.session.open(service.cls));
    service.isolate(ex.task().handle());
    const int before = *token;  // the pool may be done with all of them before we look again
    for (int i = 0; i < 20; ++i) net::post(ex, [token] { ++*token; });
    if (round % 3 == 0) ctx->stop();
    if (round % 3 == 1) wait_until([&] { return *token != before; });
    ctx.reset();
  }
  CHECK(token.use_count() == 1);
  CHECK(*token <= 2000);
}

TEST_CASE("What a destroyed function posts is destroyed as well") {
  struct PostsAgain {
    task_executor<net::io_context::executor_type> ex;
    std::shared_ptr<int> token;
    PostsAgain(decltype(ex) e, std::shared_ptr<int> k) : ex(std::move(e)), token(std::move(k)) {}
    PostsAgain(PostsAgain&&) = default;
    ~PostsAgain() {
      if (token != nullptr) net::post(ex, [kept = token] {});
    }
    void operator()() const {}
  };
  WatchedService service;
  const auto token = std::make_shared<int>();
  {
    net::io_context ctx;
    pulsed::asio::allow_migration(ctx, true);
    pulsed::asio::isolation_threads(ctx, 1);
    const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
    service.isolate(ex.task().handle());
    for (int i = 0; i < 50; ++i) net::post(ex, PostsAgain(ex, token));
  }
  CHECK(token.use_count() == 1);
}

TEST_CASE("A forked child may drop the context that its parent's pool serves") {
  auto t = std::make_unique<IsolatedTask>();
  net::post(t->ex, [] {});
  t->ctx.run();
  const pid_t child = fork();
  if (child == 0) {
    auto* ctx = new net::io_context;  // one of its own still works
    const task_executor ex(ctx->get_executor(), t->session.open(t->cls));
    bool ran = false;
    net::post(ex, [&] { ran = true; });
    ctx->run();
    t->ctx.~io_context();
    _exit(ran ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
