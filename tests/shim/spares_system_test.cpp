// Spare workers where the system is not as usual: after fork(2), without futex_waitv(2), and without threads to be had.
//
// Each case plays the service in a child, which an alarm bounds, and the daemon in the parent where it needs one.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>

#include "tests/shim/served_loop.h"

namespace pulsed::test {
namespace {

class Child {
 public:
  explicit Child(const std::function<bool()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::alarm(30);
    ::_exit(body() ? 0 : 1);
  }
  // The exit status; 255: a signal ended it.
  int wait() const {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
  }

 private:
  pid_t pid_;
};

// From now on, for every thread of the process.
bool forbid(long system_call, std::uint32_t error) {
  std::array<sock_filter, 4> filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(system_call), 0,
                           1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{filter.size(), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

// In a process of its own: its daemon is its own, too.
bool wakes_and_parks_without_waitv(std::uint32_t error) {
  if (!forbid(449, error)) return false;
  LoopService s(2);
  s.await_spares(2);
  s.workers[0]->hold();
  bool good = true;
  for (int round = 1; round <= 20; ++round) {
    s.tell_all(PULSED_SPARE_RUN);
    good = good && eventually([&] { return s.loop.begins >= 2 * round; });
    s.tell_all(PULSED_SPARE_PARK);
    good = good && eventually([&] { return s.loop.ends >= 2 * round; });
  }
  s.workers[0]->let_go();
  s.lose_daemon_and_accept();  // noticed though no word of the old daemon changed
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  const int begins = s.loop.begins;
  good = good && eventually([&] { return s.loop.begins > begins || s.loop.running > 0; });
  s.spares.close();
  return good && s.loop.running == 0;
}

TEST_CASE("without futex_waitv spare workers still wake, park and end") {
  CHECK(Child([] { return wakes_and_parks_without_waitv(ENOSYS); }).wait() == 0);
  CHECK(Child([] { return wakes_and_parks_without_waitv(EPERM); }).wait() == 0);
}

// Parked ones are woken by whoever closes them, or told of another daemon, and look of themselves but rarely.
bool parks_quietly_without_waitv() {
  if (!forbid(449, ENOSYS)) return false;
  LoopService s(2);
  s.await_spares(2);
  const std::uint32_t tid = s.line(s.spare_lines()[0]).tid;
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::uint64_t before = switches_of(tid);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  return switches_of(tid) - before <= 2;
}

TEST_CASE("without futex_waitv parked spare workers hardly look") {
  CHECK(Child(parks_quietly_without_waitv).wait() == 0);
}

// Memory may lack for a moment: it is tried again and again, where a look each second would be too late.
bool tries_waitv_again() {
  if (!forbid(449, ENOMEM)) return false;
  LoopService s(2);
  s.await_spares(2);
  const std::uint32_t tid = s.line(s.spare_lines()[0]).tid;
  const std::uint64_t before = switches_of(tid);
  return eventually([&] { return switches_of(tid) >= before + 20; });
}

TEST_CASE("an error of futex_waitv that may pass does not end its use") {
  CHECK(Child([] { return wakes_and_parks_without_waitv(ENOMEM); }).wait() == 0);
  CHECK(Child(tries_waitv_again).wait() == 0);
}

TEST_CASE("in a forked child the parent's spares are inert") {
  LoopService s(2);
  s.await_spares(2);
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return s.loop.turns > 0; }));
  pulsed_spares* handle = s.spares.c_spares();
  const auto inert = [&] {
    pulsed_spares_options options{};
    options.size = sizeof(options);
    options.turn = ServedLoop::turn;
    pulsed_session* session = s.session.c_session();
    pulsed_worker_serves(handle);
    pulsed_worker_serves(nullptr);
    const bool none = pulsed_spares_open(session, &options) == nullptr;
    pulsed_spares_close(handle);
    return none && pulsed_daemon_demotes(session) == 0;
  };
  CHECK(Child(inert).wait() == 0);
  const int turns = s.loop.turns;
  CHECK(eventually([&] { return s.loop.turns > turns; }));  // the parent's go on
}

// The child has no other thread: what it does after the poll that forked it is up to its one thread.
TEST_CASE("a child that a spare worker forks goes on serving until its loop is stopped") {
  ServedLoop loop;
  std::atomic<int> status{-1};
  std::atomic<bool> in_child{false};
  std::atomic<int> turns_in_child{0};
  loop.in_turn = [&] {
    if (in_child) {
      const bool inert = pulsed_tls_hot == nullptr || pulsed_task_open(nullptr, 0).ref == 0;
      if (++turns_in_child == 3) ::_exit(inert ? 42 : 1);
      return;
    }
    if (status != -1) return;
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(30);
      in_child = true;
      return;
    }
    int s = 0;
    while (::waitpid(child, &s, 0) < 0 && errno == EINTR) continue;
    status = WIFEXITED(s) ? WEXITSTATUS(s) : 255;
  };
  LoopService s(2, loop.options(1));
  s.await_spares(1);
  s.workers[0]->hold();
  s.tell_all(PULSED_SPARE_RUN);
  REQUIRE(eventually([&] { return status != -1; }));
  CHECK(status == 42);
  const int turns = loop.turns;
  CHECK(eventually([&] { return loop.turns > turns; }));
}

bool says_that_threads_lack() {
  AttachedService s;
  ServedLoop loop;
  const Spares spares(s.session, loop.options());
  const Task task;
  const LoopWorker first(s.session, spares, task);
  const Worker second(s.session);
  if (!forbid(SYS_clone3, EAGAIN) || !forbid(SYS_clone, EAGAIN)) return false;
  spares.served_by_this_worker();
  const bool said = eventually([&] {
    for (const std::string& line : s.log.lines()) {
      if (line.find("a spare worker could not be started") == 0) return true;
    }
    return false;
  });
  return said && s.session.attached() && loop.begins == 0;
}

TEST_CASE("where no thread can be started the session says so and stays attached") {
  CHECK(Child(says_that_threads_lack).wait() == 0);
}

}  // namespace
}  // namespace pulsed::test
