// Shares of an isolation pool by the weights that the daemon asks for.
#include <doctest/doctest.h>
#include <pulsed/asio.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

#include "tests/shim/asio/watched_service.h"

namespace net = boost::asio;
using namespace std::chrono_literals;
using pulsed::TaskClass;
using pulsed::asio::task_executor;
using pulsed::asio::detail::PollCost;
using pulsed::test::on_isolation_thread;
using pulsed::test::wait_until;
using pulsed::test::WatchedService;

namespace {

using Executor = task_executor<net::io_context::executor_type>;

// As the pool measures it, so that what a poll costs does not depend on how busy the machine is.
void burn(std::chrono::nanoseconds cpu) {
  PollCost cost;
  for (std::chrono::nanoseconds used{}; used < cpu;) used += cost.next();
}

// A context whose one isolation thread is contended: endless chains of two classes.
struct Contended : WatchedService {
  net::io_context ctx;
  TaskClass a = session.task_class("a");
  TaskClass b = session.task_class("b");
  std::atomic<int> polls_of_a{0};
  std::atomic<int> polls_of_b{0};
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

  // Of all polls until there are so many of either in all, the part that was a's.
  double share_of_a(int all) {
    polls_of_a = polls_of_b = 0;
    ctx.restart();
    for (int i = 0; i < chains; ++i) {
      chain({ctx.get_executor(), session.open(a)}, poll_of_a, polls_of_a, all);
      chain({ctx.get_executor(), session.open(b)}, poll_of_b, polls_of_b, all);
    }
    ctx.run();
    return static_cast<double>(polls_of_a) / (polls_of_a + polls_of_b);
  }

 private:
  void chain(const Executor& ex, std::function<void()>& poll, std::atomic<int>& polls, int all) {
    net::post(ex, [this, ex, &poll, &polls, all] {
      REQUIRE(on_isolation_thread());
      poll();
      if (polls_of_a + polls_of_b >= all) return;
      ++polls;
      chain(ex, poll, polls, all);
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
  CHECK(t.share_of_a(300) == doctest::Approx(1.0 / 6).epsilon(0.2));
}

TEST_CASE("A poll is charged for the CPU time it used, not for the time it waited") {
  Contended t;
  t.poll_of_a = [] {
    burn(100us);
    std::this_thread::sleep_for(2ms);
  };
  t.poll_of_b = [] { burn(100us); };
  t.weigh(t.a, 100);
  t.weigh(t.b, 100);
  CHECK(t.share_of_a(200) > 0.25);  // 0.05, were it charged for both
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
  std::vector<bool> order;
  const Executor of_a(t.ctx.get_executor(), t.session.open(t.a));
  const Executor of_b(t.ctx.get_executor(), t.session.open(t.b));
  std::latch all_queued(1);
  net::post(of_a, [&] { all_queued.wait(); });
  for (int i = 0; i < 400; ++i) {
    for (const bool is_a : {true, false}) {
      net::post(is_a ? of_a : of_b, [&order, is_a] {
        burn(200us);
        order.push_back(is_a);
      });
    }
  }
  t.weigh(t.a, 900);
  all_queued.count_down();
  t.ctx.run();
  const auto of_a_first = std::count(order.begin() + 20, order.begin() + 220, true);
  CHECK(of_a_first == doctest::Approx(180).epsilon(0.1));
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
  net::post(of_a, [&] { all_queued.wait(); });
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
