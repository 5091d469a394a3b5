// What a spare worker's turns find on its thread: the environment of the threads whose place it takes.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/shim/served_loop.h"

namespace pulsed::test {
namespace {

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

}  // namespace
}  // namespace pulsed::test
