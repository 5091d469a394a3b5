// How spare workers are set up, and how they end.
#include <cstdlib>
#include <random>

#include "tests/shim/served_loop.h"

namespace pulsed::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST_CASE("spare workers are not set up without a session, options or a turn") {
  AttachedService s;
  pulsed_spares_options options{};
  options.size = sizeof(options);
  CHECK(pulsed_spares_open(s.session.c_session(), nullptr) == nullptr);
  CHECK(pulsed_spares_open(s.session.c_session(), &options) == nullptr);
  options.turn = ServedLoop::turn;
  CHECK(pulsed_spares_open(nullptr, &options) == nullptr);
  options.size = 0;
  CHECK(pulsed_spares_open(s.session.c_session(), &options) == nullptr);
  pulsed_spares_close(nullptr);
  pulsed_worker_serves(nullptr);
  const Spares empty(s.session, {});
  CHECK_FALSE(empty);
  empty.served_by_this_worker();
}

TEST_CASE("spares may be closed after their session") {
  FakeDaemon daemon;
  ServedLoop loop;
  auto session = std::make_unique<Session>(SessionOptions{.run_dir = daemon.run_dir()});
  FakeDaemon::Peer peer = daemon.accept();
  REQUIRE(session->wait_attached(kLong));
  Spares spares(*session, loop.options());
  const Task task;
  auto a = std::make_unique<LoopWorker>(*session, spares, task);
  auto b = std::make_unique<LoopWorker>(*session, spares, task);
  a->hold();
  const std::uint32_t first = peer.dimensions.workers / 2;
  const auto& state = peer.service.lines[first].state;
  REQUIRE(eventually([&] { return __atomic_load_n(&state, __ATOMIC_ACQUIRE) != 0; }));
  peer.tell_spare(first, PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return loop.turns > 0; }));
  session.reset();
  CHECK(eventually([&] { return loop.begins == loop.ends; }));  // there is no daemon any more
  spares.close();
  CHECK(loop.running == 0);
}

TEST_CASE("a session that PULSED_DISABLE keeps detached starts no spare workers") {
  ::setenv("PULSED_DISABLE", "1", 1);
  {
    ServedLoop loop;
    Session session;
    Spares spares(session, loop.options());
    CHECK(spares);
    const Task task;
    LoopWorker a(session, spares, task);
    LoopWorker b(session, spares, task);
    a.hold();
    Spares moved = std::move(spares);
    moved.close();
    moved.close();
    CHECK(loop.begins == 0);
  }
  ::unsetenv("PULSED_DISABLE");
}

TEST_CASE("closing waits for the turn that runs, and none begins after") {
  std::atomic<bool> go_on{false};
  std::atomic<bool> closed{false};
  std::atomic<bool> closed_early{false};
  ServedLoop loop;
  loop.in_turn = [&] {
    while (!go_on) std::this_thread::yield();
    closed_early = closed.load();
  };
  LoopService s(2, loop.options());
  s.await_spares(2);
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return loop.running == 2; }));
  std::thread closer([&] {
    s.spares.close();
    closed = true;
  });
  go_on = true;
  closer.join();
  CHECK_FALSE(closed_early);
  CHECK(loop.running == 0);
  CHECK(loop.begins == loop.ends);
  CHECK(s.spare_lines().empty());
  const int turns = loop.turns;
  s.tell_all(PULSED_SPARE_RUN);
  CHECK(loop.turns == turns);
}

// As when a handler calls exit(): what the others' context points to is about to die.
TEST_CASE("a spare worker that closes its spares waits for the others and ends with its turn") {
  ServedLoop loop;
  std::atomic<pulsed_spares*> handle{nullptr};
  std::atomic<int> entered{0};
  std::atomic<bool> close{false};
  std::atomic<bool> none_left{false};
  loop.in_turn = [&] {
    if (++entered == 1) {
      while (!close) std::this_thread::yield();
    } else if (!close) {
      return;
    }
    // Of several the first closes. The others' calls have no effect: they are waited for.
    pulsed_spares_close(handle);
    if (loop.running == 1) none_left = true;
  };
  LoopService s(2, loop.options(3));
  handle = s.spares.c_spares();
  s.await_spares(3);
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return loop.begins == 3; }));
  close = true;
  REQUIRE(eventually([&] { return none_left.load(); }));
  REQUIRE(eventually([&] { return s.spare_lines().empty(); }));
  const int turns = loop.turns;
  s.add_worker();  // none is started again
  s.tell_all(PULSED_SPARE_RUN);
  CHECK(loop.turns == turns);
  CHECK(loop.ends <= 2);  // not of the one that closed them
  const std::vector<std::string> lines = s.log.lines();
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.find("closed by one of themselves") != std::string::npos;
        }) == 1);
}

// Guarantee: whenever spares are closed - parked, just woken, serving, just told to park, their daemon just lost - no turn
// runs once closing returned.
TEST_CASE("closing at any moment leaves no turn behind") {
  AttachedService s;
  const Task task;
  std::minstd_rand random(7);
  for (int round = 0; round < trials(100, 1'000); ++round) {
    ServedLoop loop;
    loop.stopped = random() % 2 == 0;
    Spares spares(s.session, loop.options());
    LoopWorker a(s.session, spares, task);
    LoopWorker b(s.session, spares, task);
    a.hold();
    if (round % 10 == 0) s.lose_daemon_and_accept();
    b.hold();  // of the present attachment
    std::atomic<bool> done{false};
    std::thread daemon([&] {
      std::uint32_t what = 0;
      while (!done) {
        what = 1 - what;
        const std::uint32_t first = s.first_spare_line();
        for (std::uint32_t i = first; i < first + 4; ++i) s.peer.tell_spare(i, what);
        std::this_thread::yield();
      }
    });
    const auto until = steady_clock::now() + std::chrono::microseconds(random() % 2'000);
    while (steady_clock::now() < until) std::this_thread::yield();
    spares.close();
    const int turns = loop.turns;
    CHECK(loop.running == 0);
    CHECK(loop.begins == loop.ends);
    done = true;
    daemon.join();
    CHECK(loop.turns == turns);
  }
}

}  // namespace
}  // namespace pulsed::test
