// What Asio asks of an executor: its concepts, properties, counted work, storage and the handler's allocator.
#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <type_traits>

#include "tests/shim/asio/watched_service.h"

namespace net = boost::asio;
using pulsed::asio::task_executor;
using pulsed::test::WatchedService;

namespace {

using IoExecutor = net::io_context::executor_type;

static_assert(net::execution::is_executor<task_executor<IoExecutor>>::value);
static_assert(net::execution::is_executor<task_executor<net::thread_pool::executor_type>>::value);
static_assert(net::execution::is_executor<task_executor<net::any_io_executor>>::value);
static_assert(std::is_convertible_v<task_executor<IoExecutor>, net::any_io_executor>);
static_assert(std::is_nothrow_copy_constructible_v<task_executor<IoExecutor>>);

bool stored_inside(const net::any_io_executor& any, const void* target) {
  const auto* begin = reinterpret_cast<const char*>(&any);
  const auto* at = static_cast<const char*>(target);
  return at >= begin && at < begin + sizeof(any);
}

}  // namespace

TEST_CASE("Inside any_io_executor it needs no memory of its own, tracked or not") {
  WatchedService service;
  net::io_context ctx;
  net::thread_pool threads(1);
  using Io = task_executor<IoExecutor>;
  using Pool = task_executor<net::thread_pool::executor_type>;
  const Io io(ctx.get_executor(), service.session.open(service.cls));
  const Pool pool(threads.get_executor(), service.session.open(service.cls));
  const net::any_io_executor any_io = io;
  const net::any_io_executor any_pool = pool;
  CHECK(stored_inside(any_io, any_io.target<Io>()));
  CHECK(stored_inside(any_pool, any_pool.target<Pool>()));
  const auto work = net::prefer(any_io, net::execution::outstanding_work.tracked);
  CHECK(stored_inside(work, work.target<void>()));
}

TEST_CASE("Its properties are those of the inner executor") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  namespace is = net::execution;
  CHECK(&net::query(ex, is::context) == &ctx);
  CHECK(&ex.context() == &ctx);
  CHECK(net::query(ex, is::blocking) == is::blocking.possibly);
  const auto never = net::require(ex, is::blocking.never);
  CHECK(net::query(never, is::blocking) == is::blocking.never);
  CHECK(net::query(net::require(never, is::blocking.possibly), is::blocking) ==
        is::blocking.possibly);
  const auto deferring = net::prefer(never, is::relationship.continuation);
  CHECK(net::query(deferring, is::relationship) == is::relationship.continuation);
  CHECK(net::query(deferring, is::blocking) == is::blocking.never);
  CHECK(deferring.inner() == net::require(never.inner(), is::relationship.continuation));
  const auto tracked = net::prefer(deferring, is::outstanding_work.tracked);
  CHECK(net::query(tracked, is::outstanding_work) == is::outstanding_work.tracked);
  CHECK(net::query(tracked, is::blocking) == is::blocking.never);
  CHECK(net::query(ex, is::outstanding_work) == is::outstanding_work.untracked);
  CHECK(never != ex);
  CHECK(net::require(never, is::blocking.possibly) == ex);
  CHECK(task_executor(ex, service.session.open(service.cls)) != ex);
}

TEST_CASE("A tracked copy is outstanding work, however it is copied, moved and erased") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  {
    auto tracked = net::require(ex, net::execution::outstanding_work.tracked);
    auto copy = tracked;
    auto moved = std::move(tracked);
    copy = moved;
    moved = std::move(copy);
    const net::any_io_executor any = moved;
    const auto guard = net::make_work_guard(ex);
    ctx.poll();
    CHECK_FALSE(ctx.stopped());
  }
  ctx.poll();
  CHECK(ctx.stopped());
}

TEST_CASE("What is asked of a tracked copy, or of a temporary, neither loses work nor leaves any") {
  WatchedService service;
  net::io_context ctx;
  namespace is = net::execution;
  const auto stops = [&] {
    ctx.restart();
    ctx.poll();
    return ctx.stopped();
  };
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  {
    const auto tracked = net::require(ex, is::outstanding_work.tracked);
    CHECK(net::query(tracked, is::outstanding_work) == is::outstanding_work.tracked);
    {
      const auto never = net::require(tracked, is::blocking.never);
      const auto forked = net::prefer(never, is::relationship.fork);
      const auto temporary = net::prefer(
          net::require(net::prefer(ex, is::outstanding_work.tracked), is::blocking.never),
          is::relationship.continuation);
      CHECK(net::query(never, is::outstanding_work) == is::outstanding_work.tracked);
      CHECK(net::query(temporary, is::outstanding_work) == is::outstanding_work.tracked);
      CHECK(net::query(temporary, is::blocking) == is::blocking.never);
      CHECK(net::query(temporary, is::relationship) == is::relationship.continuation);
      CHECK(net::query(forked, is::blocking) == is::blocking.never);
    }
    CHECK_FALSE(stops());
    const auto untracked = net::prefer(tracked, is::outstanding_work.untracked);
    CHECK(untracked == ex);
    CHECK_FALSE(stops());
  }
  CHECK(stops());
  {
    const auto kept =
        net::require(net::require(ex, is::outstanding_work.tracked), is::blocking.never);
    CHECK_FALSE(stops());
  }
  CHECK(stops());
  {
    // Erased, it is asked in other words.
    const net::any_io_executor any = ex;
    net::any_io_executor untracked;
    {
      const auto tracked = net::prefer(any, is::outstanding_work.tracked);
      CHECK(net::query(tracked, is::outstanding_work) == is::outstanding_work.tracked);
      const auto never = net::require(tracked, is::blocking.never);
      CHECK(net::query(never, is::outstanding_work) == is::outstanding_work.tracked);
      CHECK(net::query(never, is::blocking) == is::blocking.never);
      untracked = net::prefer(never, is::outstanding_work.untracked);
      CHECK(net::query(untracked, is::outstanding_work) == is::outstanding_work.untracked);
      CHECK_FALSE(stops());
    }
    CHECK(stops());
  }
  int ran = 0;
  net::require(net::require(ex, is::outstanding_work.tracked), is::blocking.never).execute([&] {
    ++ran;
  });
  CHECK(stops());
  CHECK(ran == 1);
}

namespace {

// Counts what is allocated through it.
template <typename T>
struct CountingAllocator {
  using value_type = T;
  int* count;
  explicit CountingAllocator(int* c) : count(c) {}
  template <typename U>
  CountingAllocator(const CountingAllocator<U>& other) : count(other.count) {}
  T* allocate(std::size_t n) {
    ++*count;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) { std::allocator<T>().deallocate(p, n); }
  friend bool operator==(const CountingAllocator&, const CountingAllocator&) = default;
};

struct AllocatingHandler {
  using allocator_type = CountingAllocator<void>;
  int* count;
  bool* ran;
  [[nodiscard]] allocator_type get_allocator() const { return allocator_type(count); }
  void operator()() const { *ran = true; }
};

}  // namespace

TEST_CASE("A handler's own allocator serves its posts") {
  WatchedService service;
  net::io_context ctx;
  const task_executor ex(ctx.get_executor(), service.session.open(service.cls));
  int allocations = 0;
  bool ran = false;
  net::post(ex, AllocatingHandler{&allocations, &ran});
  ctx.run();
  CHECK(ran);
  CHECK(allocations == 1);
}
