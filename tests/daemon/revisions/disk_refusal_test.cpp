// A disk that refuses: whatever call it is, the old policy stays in force and on disk, and the next commit works.
#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/daemon/revisions/commits.h"
#include "tests/daemon/revisions/failing_disk.h"
#include "tests/daemon/revisions/numbered_policy.h"
#include "tests/daemon/revisions/said.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;
using revisions::Gravity;

// A later start finds this.
std::uint64_t number_on_disk(const std::string& state_dir) {
  const TempDir copy;
  fs::copy(state_dir, copy.path() + "/state", fs::copy_options::recursive);
  Said said;
  const RevisionStore store(copy.path() + "/state", said.log());
  CHECK(said.count(Gravity::kError, "") == 0);
  CHECK(number_of(store.current()->policy) == store.current()->number);
  return store.current()->number;
}

std::vector<std::string> files_of(const std::string& state_dir) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(state_dir + "/revisions")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

using Calls = std::vector<std::string>;
const Calls kCommit{"open", "write", "sync", "rename", "sync", "write", "sync"};
constexpr std::size_t kSyncDirectory = 5;

}  // namespace

TEST_CASE("A commit is seven calls, and an eighth removes the oldest") {
  const TempDir dir;
  FailingDisk disk;
  RevisionStore store(dir.path(), {}, &disk);
  made(commit(store, {numbered_policy(1), kSomebody}));  // the first marks where it begins, too
  for (std::uint64_t i = 2; i <= RevisionStore::kKept + 10; ++i) {
    disk.work();
    made(commit(store, {numbered_policy(i), kSomebody}));
    // The oldest goes after the answer; what was made next waited for that.
    refused(commit(store, {numbered_policy(i), kSomebody, "", 0}));
    Calls calls = kCommit;
    if (i > RevisionStore::kKept) calls.emplace_back("remove");
    CHECK(disk.calls() == calls);
  }
}

TEST_CASE("Whatever call of a commit fails, the old policy stays and the next commit works") {
  for (const int error : {EIO, ENOSPC, EDQUOT, EROFS}) {
    for (std::size_t call = 1; call <= kCommit.size(); ++call) {
      CAPTURE(error);
      CAPTURE(call);
      const TempDir dir;
      FailingDisk disk;
      RevisionStore store(dir.path(), {}, &disk);
      std::uint64_t in_force = 0;
      store.start([&](const RevisionPtr& revision) { in_force = revision->number; });
      made(commit(store, {numbered_policy(1), kSomebody}));
      const auto before = files_of(dir.path());
      disk.fail(call, error);
      const Refused why = refused(commit(store, {numbered_policy(2), kSomebody, "", 1}));
      CHECK(why.refusal == Refusal::kNotStored);
      CHECK(why.why.find(dir.path()) != std::string::npos);
      CHECK(store.store_failures() == 1);
      CHECK(store.current()->number == 1);
      CHECK(in_force == 1);
      CHECK(files_of(dir.path()) == before);
      CHECK(number_on_disk(dir.path()) == 1);
      disk.work();
      CHECK(made(commit(store, {numbered_policy(2), kSomebody, "", 1}))->number == 2);
      CHECK(store.store_failures() == 1);
      CHECK(in_force == 2);
      CHECK(number_on_disk(dir.path()) == 2);
      CHECK(store.not_durable().empty());
    }
  }
}

TEST_CASE("A disk that refuses everything from some call on changes nothing until it works again") {
  for (std::size_t call = 1; call <= kCommit.size(); ++call) {
    CAPTURE(call);
    const TempDir dir;
    FailingDisk disk;
    RevisionStore store(dir.path(), {}, &disk);
    store.start([](const RevisionPtr&) {});
    made(commit(store, {numbered_policy(1), kSomebody}));
    disk.fail(call, EIO, true);
    for (int i = 0; i < 3; ++i) refused(commit(store, {numbered_policy(7), kSomebody}));
    CHECK(store.current()->number == 1);
    disk.work();
    CHECK(made(commit(store, {numbered_policy(2), kSomebody}))->number == 2);
    CHECK(number_on_disk(dir.path()) == 2);
    CHECK(files_of(dir.path()).size() == 4);  // with the lock and the mark
  }
}

// The guarantee: whatever the disk refused, and for good from then on, the next daemon has what was acknowledged last, though the
// file of the revision that was refused may stand there. But for the sync of the mark, the last call of a commit: where that
// fails and nothing else works then, the refusal says what may come.
TEST_CASE("A refused revision that could not be removed is not in force at the next start either") {
  for (const int error : {EIO, EROFS}) {
    for (std::size_t call = 1; call <= kCommit.size(); ++call) {
      CAPTURE(call);
      const TempDir dir;
      FailingDisk disk;
      std::string why;
      {
        RevisionStore store(dir.path(), {}, &disk);
        made(commit(store, {numbered_policy(1), kSomebody}));
        disk.fail(call, error, true);
        why = refused(commit(store, {numbered_policy(2), kSomebody})).why;
        refused(commit(store, {numbered_policy(2), kSomebody}));
      }
      const bool in_doubt = why.find("may put revision 2 in force") != std::string::npos;
      CHECK(in_doubt == (call >= kCommit.size() - 1));
      // Read-only, then as new.
      if (call < kCommit.size()) {
        const RevisionStore next(dir.path(), {}, &disk);
        CHECK(next.current()->number == 1);
      }
      if (call < kCommit.size()) CHECK(number_on_disk(dir.path()) == 1);
    }
  }
}

TEST_CASE("A mark that is torn or gone takes no acknowledged revision away") {
  for (const char* bytes : {"", "0000000000000000000", "garbage"}) {
    const TempDir dir;
    {
      RevisionStore store(dir.path());
      made(commit(store, {numbered_policy(1), kSomebody}));
      made(commit(store, {numbered_policy(2), kSomebody}));
    }
    const std::string mark = dir.path() + "/revisions/acknowledged";
    REQUIRE(fs::exists(mark));
    std::ofstream(mark) << bytes;
    if (*bytes == '\0') fs::remove(mark);
    RevisionStore store(dir.path());
    CHECK(store.current()->number == 2);
    CHECK(made(commit(store, {numbered_policy(3), kSomebody}))->number == 3);
    CHECK(number_on_disk(dir.path()) == 3);
  }
}

TEST_CASE("A revision that was refused but cannot be removed is named in the refusal") {
  const TempDir dir;
  FailingDisk disk;
  RevisionStore store(dir.path(), {}, &disk);
  made(commit(store, {numbered_policy(1), kSomebody}));
  disk.fail(5, EIO, true);
  const Refused why = refused(commit(store, {numbered_policy(2), kSomebody}));
  CHECK(why.why.find("cannot sync") != std::string::npos);
  CHECK(why.why.find("cannot remove") != std::string::npos);
}

TEST_CASE("Writes that take a few bytes at a time make the same revision") {
  const TempDir dir;
  FailingDisk disk;
  disk.write_at_most(7);
  RevisionStore store(dir.path(), {}, &disk);
  made(commit(store, {numbered_policy(1), kSomebody}));
  CHECK(number_on_disk(dir.path()) == 1);
}

TEST_CASE("A signal within a write does not refuse it") {
  const TempDir dir;
  FailingDisk disk;
  RevisionStore store(dir.path(), {}, &disk);
  made(commit(store, {numbered_policy(1), kSomebody}));
  disk.fail(2, EINTR);
  made(commit(store, {numbered_policy(2), kSomebody}));
  CHECK(number_on_disk(dir.path()) == 2);
}

TEST_CASE("File systems that sync no directories are used without") {
  for (const int error : {EINVAL, ENOTSUP}) {
    const TempDir dir;
    FailingDisk disk;
    RevisionStore store(dir.path(), {}, &disk);
    made(commit(store, {numbered_policy(1), kSomebody}));
    disk.fail(kSyncDirectory, error);
    CHECK(made(commit(store, {numbered_policy(2), kSomebody}))->number == 2);
    CHECK(number_on_disk(dir.path()) == 2);
  }
}

TEST_CASE("An oldest revision that cannot be removed is said once and removed later") {
  const TempDir dir;
  FailingDisk disk;
  Said said;
  RevisionStore store(dir.path(), said.log(), &disk);
  std::uint64_t number = 0;
  while (number < RevisionStore::kKept) made(commit(store, {numbered_policy(++number), kSomebody}));
  for (int i = 0; i < 4; ++i) {
    disk.fail(kCommit.size() + 1, EIO);
    made(commit(store, {numbered_policy(++number), kSomebody}));
    refused(commit(store, {numbered_policy(1), kSomebody, "", 0}));
  }
  CHECK(said.count(Gravity::kWarning, "cannot remove") == 1);
  CHECK(files_of(dir.path()).size() == RevisionStore::kKept + 4 + 2);
  disk.work();
  made(commit(store, {numbered_policy(++number), kSomebody}));
  store.stop();
  CHECK(files_of(dir.path()).size() == RevisionStore::kKept + 2);
}

TEST_CASE("A file that changed is not put in force while it cannot be stored, and is next time") {
  const TempDir dir;
  FailingDisk disk;
  RevisionStore store(dir.path(), {}, &disk);
  made(store.import(numbered_policy(1), kFile));
  store.start([](const RevisionPtr&) {});
  for (std::size_t call = 1; call <= kCommit.size(); ++call) {
    disk.fail(call, ENOSPC);
    CHECK(refused(store.import(numbered_policy(2), kFile)).refusal == Refusal::kNotStored);
    CHECK(store.current()->number == 1);
    disk.work();
  }
  CHECK(made(store.import(numbered_policy(2), kFile))->number == 2);
}

TEST_CASE(
    "With a disk that is full at the start the file is in force all the same, and stored later") {
  for (std::size_t call = 1; call <= 16; ++call) {
    CAPTURE(call);
    const TempDir dir;
    FailingDisk disk;
    disk.fail(call, ENOSPC, true);
    Said said;
    {
      RevisionStore store(dir.path(), said.log(), &disk);
      CHECK(made(store.import(numbered_policy(1), kFile))->number == 1);
      store.start([](const RevisionPtr&) {});
      CHECK(number_of(store.current()->policy) == 1);
      if (store.not_durable().empty()) continue;  // there was room enough
      CHECK(store.not_durable().find("No space left") != std::string::npos);
      CHECK(said.count(Gravity::kWarning, "--state-dir") == 1);
      const Refused why = refused(commit(store, {numbered_policy(2), kSomebody}));
      CHECK(why.refusal == Refusal::kNotStored);
      CHECK(why.why.find("No space left") != std::string::npos);
      CHECK(number_of(store.current()->policy) == 1);
    }
    disk.work();
    RevisionStore again(dir.path(), said.log(), &disk);
    CHECK(made(again.import(numbered_policy(1), kFile))->number == 1);
    CHECK(again.not_durable().empty());
  }
}

TEST_CASE(
    "Room on a disk that was full at the start makes the store durable with its next commit") {
  const TempDir dir;
  FailingDisk disk;
  Said said;
  RevisionStore store(dir.path(), said.log(), &disk);
  disk.fail(1, ENOSPC, true);
  made(store.import(numbered_policy(1), kFile));
  store.start([](const RevisionPtr&) {});
  CHECK_FALSE(store.not_durable().empty());
  disk.work();
  CHECK(made(commit(store, {numbered_policy(2), kSomebody}))->number == 2);
  CHECK(store.not_durable().empty());
  CHECK(said.count(Gravity::kInfo, "stored again") == 1);
  CHECK(number_on_disk(dir.path()) == 2);
}

}  // namespace pulsed::test
