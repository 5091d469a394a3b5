// Shares of an isolation pool by the weights that the daemon asks for.
#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

#include "tests/shim/asio/watched_service.h"

namespace net = boost::asio;
using namespace std::chrono_literals;
using pulsed::TaskClass;
using pulsed::asio::task_executor;
using pulsed::test::on_isolation_thread;
using pulsed::test::wait_until;
using pulsed::test::WatchedService;

namespace {

using Executor = task_executor<net::io_context::executor_type>;

using Clock = std::chrono::steady_clock;

void burn(std::chrono::nanoseconds time) {
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
  }
}

// For what the polls of a class held threads of the pool.
struct Held {
  std::atomic<std::chrono::nanoseconds::rep> all{0};
  std::atomic<std::chrono::nanoseconds::rep> longest{0};

  void add(std::chrono::nanoseconds time) {
    all += time.count();
    auto before = longest.load();
    while (before < time.count() && !longest.compare_exchange_weak(before, time.count())) {
    }
  }
};

// A context whose one isolation thread is contended: endless chains of two classes.
struct Contended : WatchedService {
  net::io_context ctx;
  TaskClass a = session.task_class("a");
  TaskClass b = session.task_class("b");
  std::atomic<int> polls{0};
  Held held_by_a;
  Held held_by_b;
  std::function<void()> poll_of_a = [] { burn(200us); };
  std::function<void()> poll_of_b = [] { burn(200us); };

  int chains = 1;  // of each

  explicit Contended(unsigned threads = 1) {
    pulsed::asio::allow_migration(ctx, true);
    pulsed::asio::isolation_threads(ctx, threads);
  }

  void weigh(TaskClass of, std::uint32_t weight) {
    peer.ask_class(of.id(), weight << PULSED_WORD_WEIGHT_SHIFT | PULSED_DIRECTIVE_ISOLATE);
  }

  // Of the time for which threads were held, the part that a's polls did: over so many polls at least, and so long that
  // a machine that is busy elsewhere, and stretches one of them, does not matter.
  double share_of_a(int least) {
    polls = 0;
    for (Held* held : {&held_by_a, &held_by_b}) held->all = held->longest = 0;
    ctx.restart();
    for (int i = 0; i < chains; ++i) {
      chain({ctx.get_executor(), session.open(a)}, poll_of_a, held_by_a, least);
      chain({ctx.get_executor(), session.open(b)}, poll_of_b, held_by_b, least);
    }
    ctx.run();
    return static_cast<double>(held_by_a.all) / static_cast<double>(held_by_a.all + held_by_b.all);
  }

 private:
  [[nodiscard]] bool enough(int least) const {
    const auto longest = std::max(held_by_a.longest.load(), held_by_b.longest.load());
    return polls >= least && held_by_a.all + held_by_b.all >= 50 * longest;
  }
  void chain(const Executor& ex, std::function<void()>& poll, Held& held, int least) {
    net::post(ex, [this, ex, &poll, &held, least] {
      REQUIRE(on_isolation_thread());
      const auto start = Clock::now();
      poll();
      if (enough(least)) return;
      held.add(Clock::now() - start);
      ++polls;
      chain(ex, poll, held, least);
    });
  }
};

}  // namespace

TEST_CASE("Endless chains of two classes share a pool's thread by weight") {
  Contended t;
  t.weigh(t.a, 300);
  t.weigh(t.b, 100);
  CHECK(t.share_of_a(400) == doctest::Approx(0.75).epsilon(0.1));
  t.weigh(t.a, 100);
  t.weigh(t.b, 300);
  CHECK(t.share_of_a(400) == doctest::Approx(0.25).epsilon(0.2));
}

TEST_CASE("Without weights the classes of a pool have equal shares") {
  Contended t;
  t.weigh(t.a, 0);
  t.weigh(t.b, 0);
  CHECK(t.share_of_a(200) == doctest::Approx(0.5).epsilon(0.1));
}

TEST_CASE("A class of long polls gets as much of a pool as one of short ones, not as many polls") {
  Contended t;
  t.poll_of_a = [] { burn(1ms); };
  t.weigh(t.a, 100);
  t.weigh(t.b, 100);
  CHECK(t.share_of_a(300) == doctest::Approx(0.5).epsilon(0.1));
}

TEST_CASE("Polls that compute have their share of the threads beside a class whose polls sleep") {
  Contended t(2);
  t.chains = 8;
  t.poll_of_a = [] { burn(1ms); };
  t.poll_of_b = [] { std::this_thread::sleep_for(10ms); };
  t.weigh(t.a, 100);
  t.weigh(t.b, 100);
  CHECK(t.share_of_a(300) == doctest::Approx(0.5).epsilon(0.2));  // 0.01, were CPU time shared
}

TEST_CASE("Two threads of a pool share as one does") {
  Contended t(2);
  t.weigh(t.a, 300);
  t.weigh(t.b, 100);
  t.chains = 4;
  CHECK(t.share_of_a(800) == doctest::Approx(0.75).epsilon(0.1));
}

TEST_CASE("A changed weight holds for what is queued already") {
  Contended t;
  t.weigh(t.a, 100);
  t.weigh(t.b, 100);
  const Executor of_a(t.ctx.get_executor(), t.session.open(t.a));
  const Executor of_b(t.ctx.get_executor(), t.session.open(t.b));
  std::latch all_queued(1);
  // Of a class of its own: what it takes is charged to neither.
  const TaskClass gate = t.session.task_class("gate");
  t.weigh(gate, 100);
  net::post(Executor(t.ctx.get_executor(), t.session.open(gate)), [&] { all_queued.wait(); });
  constexpr int kOfEach = 400;
  int left_of_a = kOfEach;
  const auto poll = [&](Held& held) {
    const auto start = Clock::now();
    burn(200us);
    held.add(Clock::now() - start);
  };
  for (int i = 0; i < kOfEach; ++i) {
    net::post(of_a, [&] {
      poll(t.held_by_a);
      --left_of_a;
    });
    net::post(of_b, [&] {
      if (left_of_a != 0) poll(t.held_by_b);
    });
  }
  t.weigh(t.a, 900);
  all_queued.count_down();
  t.ctx.run();
  // While both had something to do, b had a ninth of a's time. A poll that the machine stretched is paid for by its
  // class at once or in the end, so the longest says how far off they may be.
  const auto a = t.held_by_a.all.load();
  const auto b = t.held_by_b.all.load();
  const auto longest = std::max(t.held_by_a.longest.load(), t.held_by_b.longest.load());
  CHECK(std::abs(b - a / 9) <= 3 * longest + a / 30);
}

TEST_CASE(
    "What is posted to one isolated task runs in order, also if its class changes in between") {
  Contended t;
  t.weigh(t.a, 1);
  t.weigh(t.b, 1000);
  const Executor ex(t.ctx.get_executor(), t.session.open(t.a));
  const Executor rival(t.ctx.get_executor(), t.session.open(t.a));
  std::vector<int> order;
  std::latch all_queued(1);
  std::atomic<bool> held{false};
  net::post(rival, [&] {
    held = true;
    burn(1ms);  // a is in debt
    all_queued.wait();
  });
  wait_until([&] { return held.load(); });
  for (int i = 0; i < 10; ++i) {
    ex.task().set_class(i % 2 == 0 ? t.a : t.b);
    net::post(ex, [&order, i] { order.push_back(i); });
  }
  all_queued.count_down();
  t.ctx.run();
  CHECK(order == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("A class that floods the pool does not keep another from its turn") {
  Contended t;
  t.weigh(t.a, 100);
  t.weigh(t.b, 1);
  const Executor of_a(t.ctx.get_executor(), t.session.open(t.a));
  const Executor of_b(t.ctx.get_executor(), t.session.open(t.b));
  int of_a_before = 0;
  int at_b = -1;
  std::latch all_queued(1);
  // Of a class of its own: what it takes is charged to neither.
  const TaskClass gate = t.session.task_class("gate");
  t.weigh(gate, 100);
  net::post(Executor(t.ctx.get_executor(), t.session.open(gate)), [&] { all_queued.wait(); });
  for (int i = 0; i < 1'000; ++i) {
    net::post(of_a, [&] {
      burn(50us);
      ++of_a_before;
    });
  }
  net::post(of_b, [&] { at_b = of_a_before; });
  all_queued.count_down();
  t.ctx.run();
  CHECK(at_b >= 0);
  CHECK(at_b < 100);  // in the order they came it was 1,000
}
