// A thread that was lowered for one poll has its priority back before the next poll begins.
//
// Whether a worker waited is seen by its voluntary context switches, and by what had happened when it went on; a wait may
// always end by its bound, PULSED_RESTORE_WAIT_MS, on a machine that does not run the other side for so long.
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>

#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kBound{PULSED_RESTORE_WAIT_MS};

void spend(std::uint64_t ticks) {
  const std::uint64_t until = pulsed_now() + ticks;
  while (pulsed_now() < until) continue;
}

long switches() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

id_t this_tid() { return static_cast<id_t>(::syscall(SYS_gettid)); }

// A worker of its own thread, lowered or not, as lowering cannot be undone without the right to.
struct Restoring : AttachedService {
  TaskClass cls = session.task_class("a");
  Task task = session.open(cls);
  Task other = session.open(cls);

  [[nodiscard]] std::uint64_t long_poll() const {
    return peer.end.daemon_header.ticks_per_second / 1'000'000 * PULSED_SHORTEST_DEMOTED_US;
  }
  void on_worker(const std::function<void()>& body) {
    std::thread([&] {
      const Worker worker(session);
      REQUIRE(worker.attached());
      body();
    }).join();
  }
  void on_lowered_worker(const std::function<void()>& body) {
    on_worker([&] {
      REQUIRE(::setpriority(PRIO_PROCESS, this_tid(), ::getpriority(PRIO_PROCESS, 0) + 5) == 0);
      body();
    });
  }
  // On a worker, inside a poll: it will have been long, and is marked.
  void make_demoted() {
    spend(long_poll());
    peer.mark_demoted(0, line().start);
  }
  // Runs what ends or pauses a demoted poll, beside a daemon that restores once it sees that. Did it wait for that?
  bool waits_for_restoring(const std::function<void()>& ends) {
    const std::uint64_t start = line().start;
    std::atomic<bool> restored{false};
    std::thread restorer([&] {
      const auto in_flight = [&] {
        return __atomic_load_n(&line().task, __ATOMIC_ACQUIRE) != 0 &&
               __atomic_load_n(&line().start, __ATOMIC_ACQUIRE) == start;
      };
      while (in_flight()) std::this_thread::yield();
      restored = true;
      peer.end_demotion(0);
    });
    const auto begin = steady_clock::now();
    ends();
    const bool waited = restored || steady_clock::now() - begin >= kBound;
    restorer.join();
    return waited;
  }
};

TEST_CASE("a worker that ends a demoted poll waits until it is restored") {
  Restoring s;
  s.on_lowered_worker([&] {
    for (int i = 0; i < 50; ++i) {
      pulsed_poll_begin(s.task.handle());
      s.make_demoted();
      CHECK(s.waits_for_restoring([] { pulsed_poll_end(); }));
    }
  });
  CHECK(s.totals(s.cls).polls == 50);
}

TEST_CASE("a measured poll that was demoted waits, too") {
  Restoring s;
  s.peer.ask_task(s.task.handle(), PULSED_DIRECTIVE_MEASURE);
  s.on_lowered_worker([&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    CHECK(s.waits_for_restoring([] { pulsed_poll_end(); }));
  });
}

TEST_CASE("a demoted poll inside another waits before the outer one goes on") {
  Restoring s;
  s.on_lowered_worker([&] {
    const PollScope outer(s.task);
    pulsed_poll_begin(s.other.handle());
    s.make_demoted();
    CHECK(s.waits_for_restoring([&] {
      pulsed_poll_end();
      CHECK(task_of(s.line().task) == s.task.handle().ref);
    }));
  });
}

TEST_CASE("a demoted poll waits before another begins inside it") {
  Restoring s;
  s.on_lowered_worker([&] {
    const PollScope outer(s.task);
    s.make_demoted();
    CHECK(s.waits_for_restoring([&] {
      pulsed_poll_begin(s.other.handle());
      CHECK(task_of(s.line().task) == s.other.handle().ref);
    }));
    pulsed_poll_end();
  });
}

TEST_CASE("what the sample says of a demoted poll leaves out the wait") {
  Restoring s;
  shm::RingReader ring = s.peer.ring(0);
  std::uint64_t all = 0;
  s.on_lowered_worker([&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    pulsed_poll_end();  // nobody restores it
    all = pulsed_now() - s.line().start;
  });
  const std::vector<pulsed_sample> polls = drain(ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 1);
  const std::uint64_t bound =
      s.long_poll() * (PULSED_RESTORE_WAIT_MS * 1000 / PULSED_SHORTEST_DEMOTED_US);
  CHECK(wall_of(polls[0]) + bound <= all);
}

TEST_CASE("a worker that nobody restores goes on after a bounded time") {
  Restoring s;
  s.on_lowered_worker([&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    const auto begin = steady_clock::now();
    pulsed_poll_end();
    CHECK(steady_clock::now() - begin >= kBound);
  });
}

TEST_CASE("a worker waits for no other poll's demotion") {
  Restoring s;
  s.on_lowered_worker([&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    s.peer.mark_demoted(0, s.line().start - 1);
    s.peer.mark_demoted(1, s.line().start);  // another worker's
    const long before = switches();
    pulsed_poll_end();
    CHECK(switches() == before);
  });
}

TEST_CASE("a poll too short to be demoted does not look") {
  Restoring s;
  s.on_lowered_worker([&] {
    shm::RingReader ring = s.peer.ring(0);
    while (true) {
      pulsed_poll_begin(s.task.handle());
      s.peer.mark_demoted(0, s.line().start);
      const long before = switches();
      pulsed_poll_end();
      const long after = switches();
      if (wall_of(drain(ring, PULSED_KIND_POLL).at(0)) >= s.long_poll()) continue;
      CHECK(after == before);
      return;
    }
  });
}

TEST_CASE("a worker whose lease ran out and whose priority is right waits for nobody") {
  Restoring s;
  s.on_worker([&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    s.peer.let_lease_run_out();
    const long before = switches();
    pulsed_poll_end();
    CHECK(switches() == before);
  });
}

// The daemon may have been descheduled between its mark and the lowering.
TEST_CASE("while the lease holds a priority that is right is not believed at once") {
  Restoring s;
  s.on_worker([&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    const auto begin = steady_clock::now();
    pulsed_poll_end();
    CHECK(steady_clock::now() - begin >= milliseconds(5));
  });
}

// As the daemon lowers a thread: the whole of its attributes is kept and put back.
struct Attributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};
Attributes attributes_of(id_t tid) {
  Attributes a{};
  REQUIRE(::syscall(SYS_sched_getattr, tid, &a, sizeof(a), 0) == 0);
  return a;
}
bool set_attributes(id_t tid, Attributes a) {
  return ::syscall(SYS_sched_setattr, tid, &a, 0) == 0;
}

TEST_CASE("a worker whose daemon was killed goes on when the guardian has restored it") {
  const int rounds = 20;
  Restoring s;
  int early = 0;
  bool allowed = true;
  s.on_worker([&] {
    const id_t tid = this_tid();
    const Attributes before = attributes_of(tid);
    Attributes lowered = before;
    lowered.nice = 13;
    lowered.flags |= SCHED_FLAG_RESET_ON_FORK;
    for (int i = 0; i < rounds && allowed; ++i) {
      pulsed_poll_begin(s.task.handle());
      s.make_demoted();
      REQUIRE(set_attributes(tid, lowered));
      std::atomic<bool> restored{false};
      std::thread guardian([&] {
        while (__atomic_load_n(&s.line().task, __ATOMIC_ACQUIRE) != 0) std::this_thread::yield();
        restored = true;
        allowed = set_attributes(tid, before);
      });
      const auto begin = steady_clock::now();
      pulsed_poll_end();
      const bool bounded = steady_clock::now() - begin >= kBound;
      CHECK((restored || bounded));
      early += bounded ? 0 : 1;
      guardian.join();
      if (i % 4 == 3) s.lose_daemon_and_accept();  // no attachment sees that many
    }
  });
  if (!allowed) {
    MESSAGE("without CAP_SYS_NICE no guardian raises a thread: not shown");
    return;
  }
  CHECK(early > 0);  // it does look, and does not only count on its bound
}

// The service may have changed it since it attached.
TEST_CASE("a priority is right when it is the one that the daemon found") {
  Restoring s;
  s.on_lowered_worker([&] {
    const FakeDaemon::Peer::OwnPriority own{
        static_cast<std::uint32_t>(::sched_getscheduler(0)),
        static_cast<std::int32_t>(::getpriority(PRIO_PROCESS, 0))};
    pulsed_poll_begin(s.task.handle());
    spend(s.long_poll());
    s.peer.mark_demoted(0, s.line().start, own);
    s.peer.let_lease_run_out();
    const long before = switches();
    pulsed_poll_end();
    CHECK(switches() == before);
  });
}

TEST_CASE("a daemon that marks every poll and restores none is not waited for any more") {
  Restoring s;
  const auto said = [&] {
    const std::vector<std::string> lines = s.log.lines();
    return std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("does not say when they are restored") != std::string::npos;
    });
  };
  const auto poll = [&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    const long before = switches();
    pulsed_poll_end();
    return switches() != before;
  };
  s.on_worker([&] {
    int waits = 0;
    while (waits < 8 && poll()) ++waits;
    CHECK(waits == 8);
    CHECK(said() == 1);
    CHECK_FALSE(poll());
    CHECK_FALSE(poll());
    s.lose_daemon_and_accept();
    pulsed_poll_begin(s.task.handle());
    pulsed_poll_end();
    CHECK(poll());  // the next one is believed
  });
  CHECK(said() == 1);
}

TEST_CASE("errno survives the wait") {
  Restoring s;
  s.on_lowered_worker([&] {
    pulsed_poll_begin(s.task.handle());
    s.make_demoted();
    errno = E2BIG;
    pulsed_poll_end();
    CHECK(errno == E2BIG);
  });
}

// Guarantee: however the two sides interleave, no poll begins while its thread is lowered for another, unless the daemon
// was away for longer than the worker may wait. `lowered` stands for the priority; every poll is "long" here, so that a
// round takes no longer than the two sides need.
TEST_CASE("no poll begins on a thread that is lowered for another") {
  const int rounds = trials(100'000, 1'000'000);
  Restoring s;
  std::atomic<bool> lowered{false};
  std::atomic<bool> done{false};
  std::uint64_t demotions = 0;
  std::thread daemon([&] {
    const pulsed_worker_line& line = s.line();
    const auto still = [&](std::uint64_t start) {
      return __atomic_load_n(&line.start, __ATOMIC_ACQUIRE) == start &&
             __atomic_load_n(&line.task, __ATOMIC_ACQUIRE) != 0 &&
             __atomic_load_n(&line.start, __ATOMIC_ACQUIRE) == start;
    };
    while (!done.load(std::memory_order_relaxed)) {
      const std::uint64_t start = __atomic_load_n(&line.start, __ATOMIC_ACQUIRE);
      if (!still(start)) continue;
      s.peer.mark_demoted(0, start);
      if (still(start)) {
        lowered.store(true, std::memory_order_relaxed);
        ++demotions;
        while (still(start)) continue;
        lowered.store(false, std::memory_order_relaxed);
      }
      s.peer.end_demotion(0);
    }
  });
  int broken = 0;
  s.on_lowered_worker([&] {  // so that its priority is never "back"
    pulsed_tls_hot->long_poll = 0;
    std::minstd_rand random(1);
    bool excused = false;  // the daemon was away for too long, and still is
    for (int i = 0; i < rounds; ++i) {
      const bool low = lowered.load(std::memory_order_relaxed);
      excused = excused && low;
      if (low && !excused) ++broken;
      pulsed_poll_begin(s.task.handle());
      spend(random() % 4096);
      const std::uint64_t begin = pulsed_now();
      pulsed_poll_end();
      const std::uint64_t bound = s.long_poll() * 900;  // 90 ms: the bound, or nearly
      if (pulsed_now() - begin >= bound) excused = true;
    }
  });
  done = true;
  daemon.join();
  CHECK(broken == 0);
  CHECK(demotions > 0);
  MESSAGE(demotions, " demotions in ", rounds, " polls");
}

}  // namespace
}  // namespace pulsed::test
