// The real daemon against a disk that fails it, and killed with SIGKILL at each file system call of a commit.
//
// A revision is acknowledged when the daemon says that it was made. Whenever the daemon dies, the next one finds the last one
// acknowledged or the one that was being made, whole: never an older one, never a part of one.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "daemon/config/policy_yaml.h"
#include "tests/daemon/revisions/commits.h"
#include "tests/daemon/revisions/failpoints.h"
#include "tests/daemon/revisions/numbered_policy.h"
#include "tests/daemon/revisions/said.h"
#include "tests/support/daemon_process.h"

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;

std::string yaml(std::uint64_t number) { return config::to_yaml(numbered_policy(number)); }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What a commit does while the most revisions are kept.
const std::vector<std::string> kCommit{"open",  "write", "fsync", "rename",
                                       "fsync", "write", "fsync", "unlink"};
constexpr std::size_t kWrite = 2;
constexpr std::size_t kMark = 6;
constexpr std::size_t kUnlink = 8;

// A daemon whose policy.yaml holds the policy of a number, and which keeps the most revisions.
class Victim {
 public:
  Victim() : daemon({.policy = yaml(0), .environment = failpoints.environment()}) {
    REQUIRE(daemon.stop() == Ended{});
    {
      RevisionStore store(daemon.state_dir());
      while (store.current()->number < RevisionStore::kKept) {
        made(commit(store, {numbered_policy(in_force_), kSomebody}));
      }
      revision_ = store.current()->number;
    }
    daemon.start();
  }

  // Asks for the next policy.
  void ask() {
    daemon.write_policy(yaml(++asked_));
    daemon.process().signal(SIGHUP);
  }
  [[nodiscard]] bool says_it_is_made() const {
    return contains(daemon.log(), "policy revision " + std::to_string(revision_ + 1) + " was made");
  }
  // The next policy, in force; it is what counts from here on.
  void expect_made() {
    // The oldest is removed after that.
    REQUIRE(wait_until([&] { return says_it_is_made() && files() == RevisionStore::kKept; }));
    ++revision_;
    in_force_ = asked_;
  }

  // The newest revision on disk, which must read, as all others must. Looked at in a copy, as looking sets aside and removes.
  [[nodiscard]] RevisionPtr on_disk() const {
    const TempDir copy;
    fs::copy(daemon.state_dir(), copy.path() + "/state", fs::copy_options::recursive);
    Said said;
    const RevisionStore store(copy.path() + "/state", said.log());
    CHECK(said.count(revisions::Gravity::kError, "") == 0);
    CHECK(store.not_durable().empty());
    CHECK(store.list(0, 1000).size() == RevisionStore::kKept);
    return store.current();
  }

  // After a kill: what the next daemon starts with, its policy.yaml still the one asked for.
  void start_with_the_new_file() {
    daemon.start();
    // Stored before the kill or imported by this start, but once.
    ++revision_;
    in_force_ = asked_;
    expect_in_force();
  }

  // The same with the policy.yaml of before: a revision that was stored counts as a change by it.
  void start_with_the_old_file(bool was_stored) {
    daemon.write_policy(yaml(in_force_));
    daemon.start();
    revision_ += was_stored ? 2 : 0;
    expect_in_force();
  }

  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  [[nodiscard]] std::uint64_t asked() const { return asked_; }
  [[nodiscard]] std::uint64_t in_force() const { return in_force_; }

 private:
  [[nodiscard]] std::size_t files() const {
    const fs::directory_iterator all(daemon.state_dir() + "/revisions");
    return static_cast<std::size_t>(std::count_if(
        begin(all), end(all), [](const auto& file) { return file.path().extension() == ".json"; }));
  }

  void expect_in_force() {
    const std::string said = ", policy revision " + std::to_string(revision_) + "\n";
    CHECK(wait_until([&] { return contains(daemon.log(), said); }));
    CHECK(on_disk()->number == revision_);
    CHECK(number_of(on_disk()->policy) == in_force_);
  }

 public:
  Failpoints failpoints;
  DaemonProcess daemon;

 private:
  std::uint64_t asked_ = 0;     // the policy asked for last
  std::uint64_t in_force_ = 0;  // the policy acknowledged last ...
  std::uint64_t revision_ = 0;  // ... and its revision
};

// Kills the daemon at that call of a commit and looks at what the next one finds.
void kill_once(Victim& victim, std::size_t call, bool torn, bool old_file) {
  const std::string state = victim.daemon.state_dir();
  const std::uint64_t acknowledged = victim.revision();
  if (torn) {
    victim.failpoints.tear_at(call, state);
  } else {
    victim.failpoints.kill_at(call, state);
  }
  victim.ask();
  REQUIRE(victim.daemon.process().wait_end() == Ended{0, SIGKILL});
  victim.failpoints.off();
  const RevisionPtr found = victim.on_disk();
  const bool is_new = found->number == acknowledged + 1;
  CHECK((is_new || found->number == acknowledged));
  CHECK(number_of(found->policy) == (is_new ? victim.asked() : victim.in_force()));
  if (call <= kMark && !(torn && call == kMark)) CHECK_FALSE(is_new);
  if (call >= kUnlink || victim.says_it_is_made()) CHECK(is_new);
  if (old_file) {
    victim.start_with_the_old_file(is_new);
  } else {
    victim.start_with_the_new_file();
  }
}

}  // namespace

TEST_CASE(
    "A daemon killed at any call of a commit starts with the last acknowledged revision, or the "
    "next") {
  Victim victim;
  victim.failpoints.count(victim.daemon.state_dir());
  victim.ask();
  victim.expect_made();
  REQUIRE(wait_until([&] { return victim.failpoints.calls().size() >= kCommit.size(); }));
  REQUIRE(victim.failpoints.calls() == kCommit);
  for (std::size_t call = 1; call <= kCommit.size(); ++call) {
    for (int trial = 0; trial < trials(2, 100); ++trial) {
      CAPTURE(call);
      CAPTURE(trial);
      kill_once(victim, call, false, trial % 2 == 1);
    }
  }
}

TEST_CASE(
    "A daemon killed within a write starts with the last acknowledged revision, or the next") {
  Victim victim;
  for (const std::size_t call : {kWrite, kMark}) {
    for (int trial = 0; trial < trials(2, 100); ++trial) {
      CAPTURE(call);
      CAPTURE(trial);
      kill_once(victim, call, true, trial % 2 == 1);
    }
  }
}

TEST_CASE("A reload that the disk refuses changes nothing, and the next one works") {
  Victim victim;
  const std::string state = victim.daemon.state_dir();
  double failures = 0;
  for (const int error : {EIO, ENOSPC}) {
    // The last call removes the oldest revision, which the next commit does, too.
    for (std::size_t call = 1; call < kUnlink; ++call) {
      CAPTURE(error);
      CAPTURE(call);
      const RevisionPtr before = victim.on_disk();
      victim.failpoints.fail_at(call, error, state);
      victim.ask();
      ++failures;
      REQUIRE(wait_until(
          [&] { return victim.daemon.sum("pulsed_policy_reload_failures_total") == failures; }));
      CHECK_FALSE(victim.says_it_is_made());
      CHECK(victim.daemon.metrics().has(
          "pulsed_policy_info", {{"enforcement", std::string(name(before->policy.enforcement))}}));
      CHECK(victim.on_disk()->number == before->number);
      victim.failpoints.off();
      victim.daemon.process().signal(SIGHUP);
      victim.expect_made();
      CHECK(number_of(victim.on_disk()->policy) == victim.in_force());
    }
  }
  CHECK(wait_until([&] { return contains(victim.daemon.log(), "No space left on device"); }));
}

TEST_CASE(
    "A daemon whose state directory cannot be written starts, says how to mend it, and reloads") {
  for (const int error : {EROFS, EACCES, ENOSPC}) {
    CAPTURE(error);
    Victim victim;
    REQUIRE(victim.daemon.stop() == Ended{});
    victim.failpoints.fail_from(1, error, victim.daemon.state_dir() + "/revisions/lock");
    victim.daemon.start();
    CHECK(contains(victim.daemon.log(), "--state-dir"));
    const std::string in_force = ", policy revision " + std::to_string(victim.revision()) + "\n";
    CHECK(wait_until([&] { return contains(victim.daemon.log(), in_force); }));
    victim.ask();
    victim.expect_made();
    CHECK(victim.daemon.sum("pulsed_policy_reload_failures_total") == 0);
    victim.failpoints.off();
    // In memory only; its file is there for the next start.
    CHECK(victim.on_disk()->number + 1 == victim.revision());
  }
}

}  // namespace pulsed::test
