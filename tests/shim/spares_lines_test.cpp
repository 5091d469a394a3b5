// The worker lines of spare workers, and the run loops that lines name.
#include "tests/shim/served_loop.h"

namespace pulsed::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

bool said(const Log& log, const std::string& what) {
  for (const std::string& line : log.lines()) {
    if (line.find(what) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("where lines run out there are fewer spare workers and the session says so") {
  ServedLoop loop;
  LoopService s(2, loop.options(4), {.workers = 3});
  s.await_spares(3);
  REQUIRE(eventually(
      [&] { return said(s.log, "no worker line of 3 is free for spare workers; there are"); }));
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  CHECK(eventually([&] { return loop.turns > 0; }));
}

TEST_CASE("spare workers take no line that a thread of the service would have") {
  ServedLoop loop;
  LoopService s(2, loop.options(8), {.workers = 4});
  s.await_spares(4);
  s.add_worker();
  {
    const Worker isolated(s.session, "iso", true);
    CHECK(isolated.attached());
  }
  CHECK(s.lines_of(0).size() == 3);
  for (const std::uint32_t spare : s.spare_lines()) CHECK(spare >= s.first_spare_line());
  CHECK_FALSE(said(s.log, "stay unwatched"));
}

TEST_CASE("a spare worker that found no line takes the next that comes free") {
  AttachedService s({.workers = 2});
  ServedLoop early_loop;
  ServedLoop late_loop;
  const Task task;
  Spares early(s.session, early_loop.options(2));
  auto first = std::make_unique<LoopWorker>(s.session, early, task);
  auto second = std::make_unique<LoopWorker>(s.session, early, task);
  const auto count = [&](std::uint32_t run_loop) {
    int n = 0;
    for (std::uint32_t i = 2; i < 4; ++i) {
      const bool there =
          __atomic_load_n(&s.line(i).state, __ATOMIC_ACQUIRE) == (PULSED_WORKER_SPARE | 1U);
      n += there && s.line(i).run_loop == run_loop ? 1 : 0;
    }
    return n;
  };
  REQUIRE(eventually([&] { return count(s.line(0).run_loop) == 2; }));
  first.reset();
  second.reset();
  const Spares late(s.session, late_loop.options(2));
  const LoopWorker third(s.session, late, task);
  const LoopWorker fourth(s.session, late, task);
  REQUIRE(eventually([&] { return said(s.log, "no worker line of 2 is free for spare"); }));
  early.close();
  const auto begin = steady_clock::now();
  CHECK(eventually([&] { return count(s.line(0).run_loop) == 2; }));
  CHECK(steady_clock::now() - begin < std::chrono::seconds(4));  // told, and did not look itself
}

TEST_CASE("a daemon that allows no lines for spare workers still watches the service") {
  FakeDaemon daemon;
  Log log;
  Session session{
      {.run_dir = daemon.run_dir(), .workers = 2, .log = Log::add, .log_context = &log}};
  ServedLoop loop;
  const Task task;
  const auto refuse = [](FakeDaemon::Peer& peer, pulsed_welcome& welcome) {
    CHECK(peer.dimensions.workers == 4);
    welcome.status = PULSED_ATTACH_TOO_LARGE;
    std::strcpy(welcome.reason, "asks for more workers than limits allow");
  };
  Spares spares(session, loop.options());
  {
    (void)daemon.accept(refuse);
    FakeDaemon::Peer small = daemon.accept();
    REQUIRE(session.wait_attached(kLong));
    CHECK(small.dimensions.workers == 2);
    CHECK(said(log, "more workers than limits allow; the service is watched, but has no spare"));
    const LoopWorker a(session, spares, task);
    LoopWorker b(session, spares, task);
    b.hold();
    CHECK(small.service.lines[1].task != 0);
  }
  // The next one allows them; then one that does not, while they are there.
  while (session.attached()) std::this_thread::yield();
  FakeDaemon::Peer large = daemon.accept();
  LoopWorker a(session, spares, task);
  LoopWorker b(session, spares, task);
  const auto spare_is_there = [&] {
    return __atomic_load_n(&large.service.lines[2].state, __ATOMIC_ACQUIRE) != 0;
  };
  REQUIRE(eventually(spare_is_there));
  large.socket.reset();
  while (session.attached()) std::this_thread::yield();
  (void)daemon.accept(refuse);
  const FakeDaemon::Peer small = daemon.accept();
  REQUIRE(session.wait_attached(kLong));
  b.hold();
  CHECK(small.service.lines[1].task != 0);
  CHECK(small.service.service->workers_high == 2);
  CHECK(loop.begins == 0);
  spares.close();
}

TEST_CASE("spare workers start when the daemon comes to wake some, and stay") {
  FakeDaemon daemon;
  Session session{{.run_dir = daemon.run_dir()}};
  FakeDaemon::Peer peer = daemon.accept([](FakeDaemon::Peer& p, pulsed_welcome&) {
    p.set_abilities(PULSED_DAEMON_DEMOTES);  // not this
  });
  REQUIRE(session.wait_attached(kLong));
  ServedLoop loop;
  Spares spares(session, loop.options());
  const Task task;
  const LoopWorker a(session, spares, task);
  const LoopWorker b(session, spares, task);
  const auto threads = [] {
    int n = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream comm(entry.path() / "comm");
      std::string name;
      comm >> name;
      n += name.starts_with("pulsed-spare") ? 1 : 0;
    }
    return n;
  };
  const auto present = [&](std::uint32_t line) {
    return __atomic_load_n(&peer.service.lines[line].state, __ATOMIC_ACQUIRE) != 0;
  };
  const std::uint32_t first = peer.dimensions.workers / 2;
  // One of another session shows that the look of this one passed.
  AttachedService other;
  ServedLoop other_loop;
  const Spares others(other.session, other_loop.options(0, 1));
  const LoopWorker c(other.session, others, task);
  REQUIRE(eventually([&] { return other.line(other.first_spare_line()).state != 0; }));
  CHECK(threads() == 1);
  peer.set_abilities(PULSED_DAEMON_DEMOTES | PULSED_DAEMON_WAKES_SPARES);
  REQUIRE(eventually([&] { return present(first) && present(first + 1); }));
  CHECK(threads() == 3);
  peer.set_abilities(0);
  CHECK(threads() == 3);
}

TEST_CASE("two run loops that a thread serves by turns each have their spare workers") {
  AttachedService s;
  ServedLoop one_loop;
  ServedLoop two_loop;
  const Spares one(s.session, one_loop.options());
  const Spares two(s.session, two_loop.options());
  std::atomic<bool> done{false};
  std::atomic<int> ready{0};
  const auto by_turns = [&] {
    const Worker worker(s.session);
    ++ready;
    while (ready < 2) std::this_thread::yield();
    while (!done) {
      one.served_by_this_worker();
      std::this_thread::yield();
      two.served_by_this_worker();
      std::this_thread::yield();
    }
  };
  std::thread a(by_turns);
  std::thread b(by_turns);
  const auto count = [&] {
    int n = 0;
    const std::uint32_t first = s.first_spare_line();
    for (std::uint32_t i = first; i < first + 4; ++i) {
      n += __atomic_load_n(&s.line(i).state, __ATOMIC_ACQUIRE) != 0 ? 1 : 0;
    }
    return n;
  };
  CHECK(eventually([&] { return count() == 4; }));
  done = true;
  a.join();
  b.join();
}

TEST_CASE("a thread that serves two run loops by turns does not wake the shim's thread each time") {
  AttachedService s;
  ServedLoop one_loop;
  ServedLoop two_loop;
  const Spares one(s.session, one_loop.options());
  const Spares two(s.session, two_loop.options());
  const auto shims_thread = [] {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream comm(entry.path() / "comm");
      std::string name;
      comm >> name;
      if (name == "pulsed-shim") {
        return static_cast<std::uint32_t>(std::stoul(entry.path().filename().string()));
      }
    }
    return 0U;
  };
  const std::uint32_t tid = shims_thread();
  REQUIRE(tid != 0);
  const Worker worker(s.session);
  const auto turns = [&](int n) {
    for (int i = 0; i < n; ++i) {
      one.served_by_this_worker();
      two.served_by_this_worker();
    }
  };
  turns(1);
  const std::uint64_t before = switches_of(tid);
  turns(1000);
  CHECK(switches_of(tid) < before + 100);
}

// Guarantee: whatever the worker last said is what its line says, though neither side takes a lock for it.
TEST_CASE("what a worker serves is on its line whenever its daemon comes and goes") {
  AttachedService s;
  ServedLoop loop;
  const Spares spares(s.session, loop.options());
  std::atomic<bool> go{true};
  std::atomic<bool> pause{false};
  std::atomic<bool> paused{false};
  std::atomic<bool> serves{false};
  std::thread worker([&] {
    const Worker w(s.session);
    const Task task;
    while (go) {
      const bool now = !serves;
      if (now) {
        spares.served_by_this_worker();
      } else {
        pulsed_worker_serves(nullptr);
      }
      serves = now;
      if (now) const PollScope poll(task);
      while (pause && go) paused = true;
      paused = false;
    }
  });
  for (int i = 0; i < trials(40, 400); ++i) {
    s.lose_daemon_and_accept();
    pause = true;
    while (!paused) std::this_thread::yield();
    const bool right = eventually(
        [&] { return (__atomic_load_n(&s.line(0).run_loop, __ATOMIC_RELAXED) != 0) == serves; });
    CHECK(right);
    pause = false;
    while (paused) std::this_thread::yield();
  }
  go = false;
  worker.join();
}

TEST_CASE("a worker may leave a run loop, and serves none of another session") {
  AttachedService s;
  AttachedService elsewhere;
  ServedLoop loop;
  const Spares spares(s.session, loop.options());
  const Spares foreign(elsewhere.session, loop.options());
  spares.served_by_this_worker();  // no worker: nothing
  const Worker worker(s.session);
  CHECK(s.line().run_loop == 0);
  foreign.served_by_this_worker();
  CHECK(s.line().run_loop == 0);
  spares.served_by_this_worker();
  CHECK(s.line().run_loop != 0);
  s.lose_daemon_and_accept();
  CHECK(s.line().run_loop != 0);
  pulsed_worker_serves(nullptr);
  CHECK(s.line().run_loop == 0);
}

TEST_CASE("a line that changes hands serves no run loop") {
  AttachedService s;
  ServedLoop loop;
  const Spares spares(s.session, loop.options());
  std::thread([&] {
    const Worker worker(s.session);
    spares.served_by_this_worker();
  }).join();
  const Worker worker(s.session);
  CHECK(s.line().state == PULSED_WORKER_ATTACHED);
  CHECK(s.line().run_loop == 0);
}

TEST_CASE("a daemon says whether it sets OS priorities") {
  FakeDaemon daemon;
  Session session{{.run_dir = daemon.run_dir()}};
  CHECK_FALSE(session.daemon_demotes());
  FakeDaemon::Peer peer = daemon.accept();
  REQUIRE(session.wait_attached(kLong));
  CHECK_FALSE(session.daemon_demotes());
  peer.set_abilities(PULSED_DAEMON_DEMOTES);
  CHECK(session.daemon_demotes());
  peer.set_abilities(~std::uint64_t{PULSED_DAEMON_DEMOTES});
  CHECK_FALSE(session.daemon_demotes());
  peer.set_abilities(PULSED_DAEMON_DEMOTES);
  peer.let_lease_run_out();
  CHECK_FALSE(session.daemon_demotes());  // nobody is there to do it
  CHECK(pulsed_daemon_demotes(nullptr) == 0);
}

}  // namespace
}  // namespace pulsed::test
