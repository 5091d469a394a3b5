#include "daemon/config/check.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace pulsed::config {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kUs = 1000;

HostFacts good_host() {
  HostFacts f;
  f.uid = kUs;
  f.run_dir = {"/run/pulsed", true, true, kUs, 0755, true, {}};
  f.state_dir = {"/var/lib/pulsed", true, true, kUs, 0750, true, {}};
  f.perfmon = true;
  f.tsc = true;
  f.rseq = true;
  f.descriptors = 1 << 20;
  return f;
}

Check judged(const HostFacts& facts, std::string_view name) {
  for (const Check& check : judge_host(facts, Limits{})) {
    if (check.name == name) return check;
  }
  FAIL("no such check");
  return {};
}

TEST_CASE("a machine where all is in place passes every check, with nothing to mend") {
  for (const Check& check : judge_host(good_host(), Limits{})) {
    CAPTURE(check.name);
    CHECK(check.verdict == Verdict::kOk);
    CHECK(!check.found.empty());
    CHECK(check.mend.empty());
  }
}

TEST_CASE("a directory must be ours alone to write, or creatable") {
  HostFacts f = good_host();
  const auto verdict = [&] { return judged(f, "run directory").verdict; };
  f.run_dir = {"/run/pulsed", false, false, 0, 0, true, "/run"};
  CHECK(verdict() == Verdict::kOk);
  f.run_dir.usable = false;
  CHECK(judged(f, "run directory").found ==
        "/run/pulsed cannot be created: /run may not be written");
  CHECK(verdict() == Verdict::kFail);
  f = good_host();
  f.run_dir.is_directory = false;
  CHECK(verdict() == Verdict::kFail);
  f = good_host();
  f.run_dir.owner = kUs + 1;
  CHECK(judged(f, "run directory").found == "/run/pulsed belongs to uid 1001, and we are 1000");
  CHECK(verdict() == Verdict::kFail);
  f = good_host();
  f.run_dir.mode = 0775;
  CHECK(judged(f, "run directory").mend == "chmod go-w /run/pulsed");
  CHECK(verdict() == Verdict::kFail);
  f = good_host();
  f.state_dir.usable = false;
  CHECK(judged(f, "state directory").verdict == Verdict::kFail);
}

TEST_CASE("what pulsed cannot do without fails, what it can only warns") {
  HostFacts f = good_host();
  f.future_write_seal = EINVAL;
  f.pidfd_open = ENOSYS;
  f.peer_pidfd = ENOPROTOOPT;
  f.nice = EACCES;
  f.task_clock = EACCES;
  f.perf_event_paranoid = 3;
  f.tsc = false;
  f.rseq = false;
  f.descriptors = 16 * Limits{}.services + 255;
  CHECK(judged(f, "sealed memory").verdict == Verdict::kFail);
  CHECK(judged(f, "pidfd_open").verdict == Verdict::kFail);
  CHECK(judged(f, "SO_PEERPIDFD").verdict == Verdict::kOk);
  CHECK(judged(f, "loop priority").verdict == Verdict::kOk);
  f.fifo = EPERM;
  CHECK(judged(f, "loop priority").verdict == Verdict::kWarn);
  CHECK(judged(f, "exact run times").verdict == Verdict::kWarn);
  CHECK(judged(f, "exact run times").found.find("perf_event_paranoid is 3") != std::string::npos);
  CHECK(judged(f, "timestamps").verdict == Verdict::kWarn);
  CHECK(judged(f, "rseq").verdict == Verdict::kWarn);
  CHECK(judged(f, "open files").verdict == Verdict::kWarn);
  f.descriptors += 1;
  CHECK(judged(f, "open files").verdict == Verdict::kOk);
  for (const Check& check : judge_host(f, Limits{})) {
    CHECK((check.verdict == Verdict::kOk) == check.mend.empty());
  }
}

TEST_CASE("without the right to raise threads again demotion warns, and says how to grant it") {
  HostFacts f = good_host();
  CHECK(judged(f, "demotion").found == "threads can be lowered, and raised again");
  f.demotion = EPERM;
  f.nice = EACCES;
  f.fifo = EPERM;
  Check check = judged(f, "demotion");
  CHECK(check.verdict == Verdict::kWarn);
  for (const std::string way :
       {"AmbientCapabilities=CAP_SYS_NICE", "--cap-add SYS_NICE", "setcap cap_sys_nice+ep"}) {
    CAPTURE(way);
    CHECK(check.mend.find(way) != std::string::npos);
  }
  CHECK(check.found.find("RLIMIT_NICE") == std::string::npos);
  // The loop's own priority may come from a limit, and then its line is good and this one is not.
  f.nice = 0;
  CHECK(judged(f, "loop priority").verdict == Verdict::kOk);
  check = judged(f, "demotion");
  CHECK(check.verdict == Verdict::kWarn);
  CHECK(check.found.find("RLIMIT_NICE") != std::string::npos);
  // Where the capability seems to be there, granting it is no advice.
  f.sys_nice = true;
  check = judged(f, "demotion");
  CHECK(check.verdict == Verdict::kWarn);
  CHECK(check.mend.find("user namespace") != std::string::npos);
  CHECK(check.mend.find("setcap") == std::string::npos);
}

TEST_CASE("a running pulsed is told, and something else in its place fails") {
  HostFacts f = good_host();
  f.attach_socket = AttachSocket::kServed;
  f.attach_pid = 42;
  CHECK(judged(f, "attach socket").found ==
        "served by a running pulsed (pid 42); a second one will be refused");
  CHECK(judged(f, "attach socket").verdict == Verdict::kOk);
  f.attach_socket = AttachSocket::kStale;
  CHECK(judged(f, "attach socket").verdict == Verdict::kOk);
  f.attach_socket = AttachSocket::kUnusable;
  CHECK(judged(f, "attach socket").verdict == Verdict::kFail);
}

TEST_CASE("a refused setting is a failed check, with its position") {
  Invocation invocation;
  invocation.errors = {{"p.yaml", {3, 5}, "wrong"}};
  const auto checks = judge_files(invocation);
  REQUIRE(checks.size() == 1);
  CHECK(checks[0].verdict == Verdict::kFail);
  CHECK(checks[0].found == "p.yaml:3:5: wrong");
}

TEST_CASE("without files the defaults are told") {
  const auto checks = judge_files(Invocation{});
  REQUIRE(checks.size() == 2);
  CHECK(checks[0].found == "no file: the defaults");
  CHECK(checks[1].found == "no file: the built-in policy, shadow, balanced");
}

TEST_CASE("the table is plain unless it goes to a terminal, and failing decides the exit code") {
  std::vector<Check> checks{{"a", Verdict::kOk, "fine", ""},
                            {"long name", Verdict::kWarn, "so so", "do this"}};
  CHECK(check_table(checks, false) ==
        "ok    a          fine\n"
        "WARN  long name  so so\n"
        "                 -> do this\n"
        "1 ok, 1 to improve, 0 failed\n");
  CHECK(check_table(checks, true).starts_with("\x1b[32mok  \x1b[0m  a"));
  CHECK(check_exit_code(checks) == 0);
  checks.push_back({"b", Verdict::kFail, "bad", "mend"});
  CHECK(check_exit_code(checks) == 1);
}

int listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(fd, 4) == 0);
  return fd;
}

TEST_CASE("looking at this machine finds directories and sockets as they are") {
  std::string name = (fs::temp_directory_path() / "pulsed-check-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  const fs::path run = name;
  HostFacts f = look_at_host(run, run / "no" / "state");
  CHECK(f.run_dir.exists);
  CHECK(f.run_dir.owner == geteuid());
  CHECK(f.run_dir.mode == 0700);
  CHECK(f.run_dir.usable);
  CHECK_FALSE(f.state_dir.exists);
  CHECK(f.state_dir.parent == run);
  CHECK(f.state_dir.usable);
  CHECK(f.attach_socket == AttachSocket::kNone);

  const std::string path = (run / "attach.sock").string();
  const int fd = listen_at(path);
  f = look_at_host(run, run);
  CHECK(f.attach_socket == AttachSocket::kServed);
  CHECK(f.attach_pid == getpid());
  close(fd);
  CHECK(look_at_host(run, run).attach_socket == AttachSocket::kStale);
  fs::remove_all(run);
}

TEST_CASE("looking at this machine changes nothing of the process") {
  const int nice_before = getpriority(PRIO_PROCESS, 0);
  const auto descriptors = [] {
    const fs::directory_iterator open("/proc/self/fd");
    return std::distance(begin(open), end(open));
  };
  const auto open_before = descriptors();
  (void)look_at_host("/run/pulsed", "/var/lib/pulsed");
  CHECK(getpriority(PRIO_PROCESS, 0) == nice_before);
  CHECK(sched_getscheduler(0) == SCHED_OTHER);
  CHECK(descriptors() == open_before);
}

// What a child without rights finds, in its exit code: bits of the facts.
constexpr int kRaises = 1;
constexpr int kNice = 2;
constexpr int kCapability = 4;
constexpr int kNotTried = 8;

int found_in_child(bool (*give_up)()) {
  const pid_t child = fork();
  if (child == 0) {
    if (!give_up()) _exit(kNotTried);
    const HostFacts f = look_at_host("/run/pulsed", "/var/lib/pulsed");
    _exit((f.demotion == 0 ? kRaises : 0) | (f.nice == 0 ? kNice : 0) |
          (f.sys_nice ? kCapability : 0));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

bool become_nobody() {
  return setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;
}

TEST_CASE("without CAP_SYS_NICE no thread is taken to be raised again") {
  const int found = found_in_child(become_nobody);
  if (found == kNotTried) {
    MESSAGE("skipped: needs root");
    return;
  }
  CHECK(found == 0);
  // Where there is no nice value to come back from, RESET_ON_FORK alone is refused.
  CHECK(found_in_child([] { return nice(19) == 19 && become_nobody(); }) == 0);
}

TEST_CASE("a limit that lets our own threads rise is not taken for the right to raise others'") {
  const int found = found_in_child([] {
    const rlimit any{40, 40};
    return setrlimit(RLIMIT_NICE, &any) == 0 && become_nobody();
  });
  if (found == kNotTried) {
    MESSAGE("skipped: needs root with CAP_SYS_RESOURCE");
    return;
  }
  CHECK(found == kNice);
}

TEST_CASE("a capability of our own user namespace alone is not taken for the right") {
  const int found = found_in_child([] { return unshare(CLONE_NEWUSER) == 0; });
  if (found == kNotTried) {
    MESSAGE("skipped: no user namespaces here");
    return;
  }
  CHECK((found & kRaises) == 0);
  CHECK((found & kCapability) != 0);
}

}  // namespace
}  // namespace pulsed::config
