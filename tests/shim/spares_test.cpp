// Spare workers: woken by the daemon, serving beside a held worker, gone when told, and nothing while parked.
#include <time.h>

#include "tests/shim/served_loop.h"

namespace pulsed::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::uint64_t cpu_ns_of(std::uint32_t tid) {
  const auto id = static_cast<clockid_t>((~tid << 3) | 6U);  // the kernel's encoding
  timespec t{};
  REQUIRE(::clock_gettime(id, &t) == 0);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

TEST_CASE("a spare worker serves from its waking to its parking") {
  Held s;
  for (int round = 1; round <= 3; ++round) {
    s.run();
    REQUIRE(eventually([&] { return s.loop.begins == round; }));
    CHECK(s.serves());
    CHECK(s.serves());
    CHECK(s.loop.ends == round - 1);
    s.park();
    REQUIRE(eventually([&] { return s.loop.ends == round; }));
    CHECK(s.loop.begins == round);
    CHECK(s.loop.running == 0);
  }
}

TEST_CASE(
    "there are as many spare workers as workers that serve the run loop, and their lines say so") {
  LoopService s(2);
  s.await_spares(2);
  s.add_worker();
  s.await_spares(3);
  const std::vector<std::uint32_t> workers = s.lines_of(0);
  CHECK(workers.size() == 3);
  const std::uint32_t run_loop = s.line(workers[0]).run_loop;
  CHECK(run_loop != 0);
  for (const std::uint32_t worker : workers) CHECK(s.line(worker).run_loop == run_loop);
  for (const std::uint32_t spare : s.spare_lines()) {
    CHECK(s.line(spare).run_loop == run_loop);
    CHECK(std::string(s.line(spare).name, 13) == "pulsed-spare-");
    CHECK(s.line(spare).task == 0);
  }
}

TEST_CASE("a service may want fewer spare workers than workers, or more") {
  AttachedService s;
  ServedLoop loop;
  ServedLoop other_loop;
  const Spares spares(s.session, loop.options(1));
  const Spares other(s.session, other_loop.options(5));
  const Task task;
  const LoopWorker a(s.session, spares, task);
  const LoopWorker b(s.session, spares, task);
  const LoopWorker c(s.session, other, task);
  const LoopWorker d(s.session, other, task);
  const auto count = [&](std::uint32_t run_loop) {
    int n = 0;
    for (std::uint32_t i = 0; i < s.peer.dimensions.workers; ++i) {
      const bool spare = __atomic_load_n(&s.line(i).state, __ATOMIC_ACQUIRE) ==
                         (PULSED_WORKER_SPARE | PULSED_WORKER_ATTACHED);
      n += spare && s.line(i).run_loop == run_loop ? 1 : 0;
    }
    return n;
  };
  // The other's are started after those of the first.
  REQUIRE(eventually([&] { return count(s.line(2).run_loop) == 5; }));
  CHECK(eventually([&] { return count(s.line(0).run_loop) == 1; }));
}

TEST_CASE("beside a single thread there are spare workers only if the service wants them") {
  AttachedService s;
  ServedLoop loop;
  ServedLoop opted_in;
  const Spares none(s.session, loop.options());
  const Spares one(s.session, opted_in.options(0, 1));
  const Task task;
  const LoopWorker a(s.session, none, task);
  const LoopWorker b(s.session, one, task);
  // The shim looks at the first before the second.
  const std::uint32_t first = s.first_spare_line();
  REQUIRE(eventually([&] { return __atomic_load_n(&s.line(first).state, __ATOMIC_ACQUIRE) != 0; }));
  CHECK(s.line(first).state == (PULSED_WORKER_SPARE | PULSED_WORKER_ATTACHED));
  CHECK(s.line(first).run_loop == s.line(1).run_loop);
  CHECK(s.line(first + 1).state == 0);
}

TEST_CASE("a spare worker does not serve beside a single thread that is left") {
  Held s;
  s.workers.pop_back();
  s.run();
  const std::uint32_t tid = s.line(s.spare).tid;
  const std::uint64_t before = switches_of(tid);
  REQUIRE(eventually([&] { return switches_of(tid) >= before + 5; }));  // it has looked
  CHECK(s.loop.begins == 0);
  s.add_worker();
  CHECK(s.serves());
}

TEST_CASE("a spare worker serves only while another worker is in a poll") {
  Held s;
  s.workers[0]->let_go();
  s.run();
  const std::uint32_t tid = s.line(s.spare).tid;
  const std::uint64_t before = switches_of(tid);
  REQUIRE(eventually([&] { return switches_of(tid) >= before + 5; }));
  CHECK(s.loop.begins == 0);
  s.workers[1]->hold();  // seen without being woken again
  CHECK(s.serves());
  s.workers[1]->let_go();
  CHECK(eventually([&] { return s.loop.ends == 1; }));
}

TEST_CASE("spare workers do not keep each other awake") {
  ServedLoop loop;
  const Task task;
  std::atomic<int> entered{0};
  std::atomic<bool> let_go{false};
  loop.in_turn = [&] {
    const bool first = ++entered == 1;
    const PollScope poll(task);
    while (first && !let_go) std::this_thread::yield();  // one is held
  };
  LoopService s(2, loop.options(2));
  s.await_spares(2);
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return loop.begins == 2; }));
  s.workers[0]->let_go();
  CHECK(eventually([&] { return loop.ends == 1; }));
  let_go = true;
  CHECK(eventually([&] { return loop.ends == 2; }));
}

// A daemon that forgets them, or means harm.
TEST_CASE("spare workers told to run where nobody is held look less and less often") {
  Held s;
  s.workers[0]->let_go();
  s.run();
  const std::uint32_t tid = s.line(s.spare).tid;
  const auto begin = steady_clock::now();
  const std::uint64_t before = switches_of(tid);
  REQUIRE(eventually([&] { return switches_of(tid) >= before + 12; }));
  CHECK(steady_clock::now() - begin >= milliseconds(200));  // a millisecond each would be 12
  s.workers[1]->hold();
  CHECK(s.serves());
}

TEST_CASE("a poll of another run loop or of the isolation pool needs no spare worker") {
  Held s;
  s.workers[0]->let_go();
  ServedLoop other_loop;
  const Spares other(s.session, other_loop.options());
  LoopWorker elsewhere(s.session, other, s.task);
  elsewhere.hold();
  std::atomic<bool> done{false};
  std::atomic<bool> polling{false};
  std::thread isolated([&] {
    const Worker worker(s.session, "iso", true);
    s.spares.served_by_this_worker();  // to no effect
    const PollScope poll(s.task);
    polling = true;
    while (!done) std::this_thread::yield();
  });
  REQUIRE(eventually([&] { return polling.load(); }));
  CHECK(s.line(s.lines_of(PULSED_WORKER_ISOLATION).at(0)).run_loop == 0);
  s.run();
  const std::uint32_t tid = s.line(s.spare).tid;
  const std::uint64_t before = switches_of(tid);
  CHECK(eventually([&] { return switches_of(tid) >= before + 5; }));
  CHECK(s.loop.begins == 0);
  done = true;
  isolated.join();
}

TEST_CASE("parked spare workers use no CPU time") {
  Held s;
  s.run();
  REQUIRE(s.serves());
  s.park();
  REQUIRE(s.all_parked());
  for (const std::uint32_t spare : s.spare_lines()) {
    const std::uint32_t tid = s.line(spare).tid;
    const auto quiet = [&] {  // over so long, in which a look every so often would show
      const std::uint64_t cpu = cpu_ns_of(tid);
      const std::uint64_t switches = switches_of(tid);
      std::this_thread::sleep_for(milliseconds(200));
      return cpu_ns_of(tid) == cpu && switches_of(tid) == switches;
    };
    CHECK((quiet() || quiet()));  // it may have been on its way to parking
  }
}

TEST_CASE("a spare worker stops when the lease runs out and serves when it is renewed") {
  Held s;
  s.run();
  REQUIRE(s.serves());
  const std::uint64_t lease = s.peer.daemon.daemon->lease_ticks;
  s.peer.let_lease_run_out();
  REQUIRE(s.all_parked());
  const int turns = s.loop.turns;
  CHECK(s.loop.begins == 1);
  __atomic_store_n(&s.peer.daemon.daemon->lease_ticks, lease, __ATOMIC_RELAXED);
  s.peer.heartbeat();
  CHECK(eventually([&] { return s.loop.begins == 2 && s.loop.turns > turns; }));
}

TEST_CASE("a heartbeat of the future holds the lease no longer than one of now") {
  Held s;
  pulsed_daemon_line& daemon = *s.peer.daemon.daemon;
  __atomic_store_n(&daemon.heartbeat, pulsed_now() + 2 * daemon.lease_ticks, __ATOMIC_RELAXED);
  s.run();
  const std::uint32_t tid = s.line(s.spare).tid;
  const std::uint64_t before = switches_of(tid);
  REQUIRE(eventually([&] { return switches_of(tid) >= before + 3; }));
  CHECK(s.loop.begins == 0);
  __atomic_store_n(&daemon.heartbeat, pulsed_now() + daemon.lease_ticks / 2, __ATOMIC_RELAXED);
  CHECK(s.serves());
}

TEST_CASE("a parked spare worker changes over to a daemon that comes back") {
  Held s;
  for (int i = 1; i <= 3; ++i) {
    s.workers[0]->let_go();
    s.lose_daemon_and_accept();
    s.await_spares(2);
    CHECK(s.line(s.spare).run_loop == s.line(0).run_loop);
    s.workers[0]->hold();
    s.run();
    CHECK(s.serves());
    s.park();
    CHECK(s.all_parked());
    CHECK(s.loop.begins == i);
  }
}

TEST_CASE("a spare worker stops when its daemon is gone and serves the next one") {
  Held s;
  s.run();
  REQUIRE(s.serves());
  s.peer.socket.reset();
  REQUIRE(s.all_parked());
  while (s.session.attached()) std::this_thread::yield();
  s.accept();
  s.workers[1]->hold();  // the poll that was in flight is of the old attachment
  s.run();
  CHECK(s.serves());
}

// A stopped io_context gives back its turn at once.
TEST_CASE("turns with nothing to do are not taken again and again") {
  Held s;
  s.loop.stopped = true;
  const auto begin = steady_clock::now();
  s.run();
  REQUIRE(eventually([&] { return s.loop.turns >= 5; }));
  const int turns = s.loop.turns;
  const auto spent = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
  CHECK(turns <= spent.count() / 2 + 2);
  s.park();
  CHECK(s.all_parked());
}

TEST_CASE("a spare worker stays one whatever its turn calls") {
  ServedLoop loop;
  std::atomic<int> attached{0};
  std::atomic<pulsed_session*> session{nullptr};
  loop.in_turn = [&] {
    pulsed_worker_detach();
    pulsed_worker_serves(nullptr);
    attached = pulsed_worker_attach(session, "other", 0);
  };
  LoopService s(2, loop.options(1));
  session = s.session.c_session();
  s.await_spares(1);
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return loop.turns >= 3; }));
  CHECK(attached == -1);
  CHECK(s.spare_lines().size() == 1);
  CHECK(s.line(s.spare_lines()[0]).run_loop == s.line(0).run_loop);
}

TEST_CASE("polls of a spare worker are seen like any worker's") {
  ServedLoop loop;
  const Task task;
  loop.in_turn = [&] { const PollScope poll(task); };
  LoopService s(2, loop.options(1));
  s.await_spares(1);
  const std::uint32_t spare = s.spare_lines()[0];
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  CHECK(eventually(
      [&] { return __atomic_load_n(&s.totals(TaskClass{}, spare).polls, __ATOMIC_RELAXED) >= 2; }));
}

// Guarantee: no wake is lost. Each is answered by an engagement before the next, however soon after the parking it comes.
TEST_CASE("every waking is answered") {
  Held s;
  s.loop.stopped = true;  // turns of no time
  const int rounds = trials(1'000, 20'000);
  for (int round = 1; round <= rounds; ++round) {
    s.run();
    REQUIRE(eventually([&] { return s.loop.begins >= round; }));
    s.park();
    REQUIRE(eventually([&] { return s.loop.ends >= round; }));
  }
  CHECK(s.loop.begins == rounds);
}

}  // namespace
}  // namespace pulsed::test
