// Spare workers: woken by the daemon, serving beside a held worker, gone when told, and nothing while parked.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "tests/shim/served_loop.h"

namespace pulsed::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

int trials(int some, int all) { return std::getenv("PULSED_TEST_FULL") != nullptr ? all : some; }

std::uint64_t cpu_ns_of(std::uint32_t tid) {
  const auto id = static_cast<clockid_t>((~tid << 3) | 6U);  // the kernel's encoding
  timespec t{};
  REQUIRE(::clock_gettime(id, &t) == 0);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

// Two workers, one of which is held, and a spare worker.
struct Held : LoopService {
  explicit Held(SparesOptions options = {}) : LoopService(2, options) {
    await_spares(2);
    spare = spare_lines().front();
    workers[0]->hold();
  }
  void run() { peer.tell_spare(spare, PULSED_SPARE_RUN); }
  void park() { peer.tell_spare(spare, PULSED_SPARE_PARK); }
  bool serves() {
    const int before = loop.turns;
    return eventually([&] { return loop.turns > before; });
  }
  bool all_parked() {
    return eventually([&] { return loop.begins == loop.ends; });
  }
  std::uint32_t spare = 0;
};

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
  std::atomic<int> others_after{-1};
  loop.in_turn = [&] {
    if (++entered == 1) {
      while (!close) std::this_thread::yield();
      pulsed_spares_close(handle);
      others_after = loop.running - 1;
    } else if (close) {
      pulsed_spares_close(handle);  // to no effect: it is waited for
    }
  };
  LoopService s(2, loop.options(3));
  handle = s.spares.c_spares();
  s.await_spares(3);
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return loop.begins == 3; }));
  close = true;
  REQUIRE(eventually([&] { return others_after != -1; }));
  CHECK(others_after == 0);
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

std::uint64_t blocked_signals(std::uint32_t tid) {
  std::ifstream status("/proc/self/task/" + std::to_string(tid) + "/status");
  std::string word;
  while (status >> word && word != "SigBlk:") continue;
  status >> word;
  return std::stoull(word, nullptr, 16);
}
std::uint64_t bit_of(int signal) { return std::uint64_t{1} << (signal - 1); }

TEST_CASE(
    "parked spare workers leave the service's signals to its own threads, but not their faults") {
  Held s;
  const auto right = [&] {
    const std::uint64_t blocked = blocked_signals(s.line(s.spare).tid);
    return (blocked & bit_of(SIGTERM)) != 0 && (blocked & bit_of(SIGUSR1)) != 0 &&
           (blocked & bit_of(SIGSEGV)) == 0 && (blocked & bit_of(SIGABRT)) == 0;
  };
  CHECK(right());
  s.run();
  REQUIRE(s.serves());
  s.park();
  REQUIRE(s.all_parked());
  CHECK(eventually(right));
}

// What a thread finds itself to be.
struct Seen {
  sigset_t signals{};
  cpu_set_t cpus{};
  int policy = 0;
  int nice = 0;
  std::size_t stack = 0;

  static Seen here() {
    Seen seen;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &seen.signals);
    ::sched_getaffinity(0, sizeof(seen.cpus), &seen.cpus);
    seen.policy = ::sched_getscheduler(0);
    seen.nice = ::getpriority(PRIO_PROCESS, 0);
    pthread_attr_t attributes;
    ::pthread_getattr_np(::pthread_self(), &attributes);
    ::pthread_attr_getstacksize(&attributes, &seen.stack);
    ::pthread_attr_destroy(&attributes);
    return seen;
  }
};

// A child that a handler starts, and the handler itself, must not be able to tell.
TEST_CASE("a spare worker serves with the environment of a thread that serves its run loop") {
  struct Test : AttachedService {
    ServedLoop loop;
    Spares spares;
    Task task;
    Seen worker;
    Seen spare;
    std::atomic<bool> seen{false};
    std::atomic<bool> done{false};
  } s;
  s.loop.in_turn = [&s] {
    if (s.seen) return;
    s.spare = Seen::here();
    s.seen = true;
  };
  s.spares = Spares(s.session, s.loop.options(1, 1));
  pthread_attr_t attributes;
  REQUIRE(::pthread_attr_init(&attributes) == 0);
  REQUIRE(::pthread_attr_setstacksize(&attributes, std::size_t{3} << 20) == 0);
  pthread_t thread{};
  const auto serve = [](void* test) -> void* {
    auto& t = *static_cast<Test*>(test);
    sigset_t two;
    ::sigemptyset(&two);
    ::sigaddset(&two, SIGUSR1);
    ::sigaddset(&two, SIGRTMIN);
    ::pthread_sigmask(SIG_SETMASK, &two, nullptr);
    cpu_set_t cpus;
    ::sched_getaffinity(0, sizeof(cpus), &cpus);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &cpus)) --last;
    CPU_ZERO(&cpus);
    CPU_SET(last, &cpus);
    ::sched_setaffinity(0, sizeof(cpus), &cpus);
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
    ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + 3);
    t.worker = Seen::here();
    const Worker worker(t.session);
    t.spares.served_by_this_worker();
    const PollScope poll(t.task);
    while (!t.done) std::this_thread::yield();
    return nullptr;
  };
  REQUIRE(::pthread_create(&thread, &attributes, serve, &s) == 0);
  ::pthread_attr_destroy(&attributes);
  const std::uint32_t first = s.first_spare_line();
  REQUIRE(eventually([&] { return __atomic_load_n(&s.line(first).state, __ATOMIC_ACQUIRE) != 0; }));
  s.peer.tell_spare(first, PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return s.seen.load(); }));
  s.done = true;
  ::pthread_join(thread, nullptr);
  for (int signal = 1; signal < SIGRTMAX; ++signal) {
    CAPTURE(signal);
    CHECK(::sigismember(&s.spare.signals, signal) == ::sigismember(&s.worker.signals, signal));
  }
  CHECK(CPU_EQUAL(&s.spare.cpus, &s.worker.cpus));
  CHECK(s.spare.policy == SCHED_BATCH);
  CHECK(s.spare.nice == s.worker.nice);
  CHECK(s.spare.stack == s.worker.stack);
}

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
