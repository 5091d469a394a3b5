// What stands in the state directory when a store starts: remains, files that do not read, another pulsed.
#include "daemon/revisions/state_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "tests/daemon/revisions/commits.h"
#include "tests/daemon/revisions/failing_disk.h"
#include "tests/daemon/revisions/numbered_policy.h"
#include "tests/daemon/revisions/said.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;
using revisions::Gravity;

std::string file(const TempDir& dir, std::uint64_t number, const std::string& suffix = ".json") {
  const std::string digits = std::to_string(number);
  return dir.path() + "/revisions/" + std::string(20 - digits.size(), '0') + digits + suffix;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Revisions 1 to `count`, each of its number's policy.
void fill(const TempDir& dir, std::uint64_t count) {
  RevisionStore store(dir.path());
  for (std::uint64_t i = 1; i <= count; ++i) made(commit(store, {numbered_policy(i), kSomebody}));
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("The state directory is made for its owner alone, with all above it") {
  const TempDir dir;
  const std::string state = dir.path() + "/a/b/state";
  const RevisionStore store(state);
  CHECK(store.not_durable().empty());
  CHECK(mode_of(state) == 0700);
  CHECK(mode_of(state + "/revisions") == 0700);
}

TEST_CASE("A slash at the end of its path does not make it anybody's") {
  const TempDir dir;
  const RevisionStore store(dir.path() + "/a/state/");
  CHECK(store.not_durable().empty());
  CHECK(mode_of(dir.path() + "/a/state") == 0700);
}

TEST_CASE("A second store in the same directory is refused with the holder and a way out") {
  const TempDir dir;
  const RevisionStore store(dir.path());
  const std::string pid = "(pid " + std::to_string(::getpid()) + ")";
  CHECK_THROWS_WITH_AS(RevisionStore(dir.path()), doctest::Contains(pid.c_str()),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(RevisionStore(dir.path()), doctest::Contains("--state-dir"),
                       std::runtime_error);
}

TEST_CASE("A torn newest file is set aside, said, and the one before it counts") {
  const TempDir dir;
  fill(dir, 3);
  const std::string whole = text_of(file(dir, 3));
  write(file(dir, 3), whole.substr(0, whole.size() / 2));
  Said said;
  {
    RevisionStore store(dir.path(), said.log());
    CHECK(store.current()->number == 2);
    CHECK(number_of(store.current()->policy) == 2);
    CHECK(store.not_durable().empty());
    CHECK_FALSE(fs::exists(file(dir, 3)));
    CHECK(text_of(file(dir, 3, ".json.unreadable")) == whole.substr(0, whole.size() / 2));
    CHECK(said.count(Gravity::kError, file(dir, 3)) == 1);
    CHECK(said.count(Gravity::kError, "checksum") == 1);
  }
  RevisionStore again(dir.path(), said.log());
  CHECK(said.count(Gravity::kError, "") == 1);
  // Its number is not used again: somebody may have seen it.
  CHECK(made(commit(again, {numbered_policy(4), kSomebody}))->number == 4);
}

TEST_CASE("Files that do not read are set aside wherever they stand, and all of them may be") {
  const TempDir dir;
  fill(dir, 5);
  write(file(dir, 2), "");
  write(file(dir, 4), text_of(file(dir, 3)));
  {
    const RevisionStore store(dir.path());
    CHECK(store.list(0, 10).size() == 3);
    CHECK(store.find(2) == nullptr);
    CHECK(store.find(4) == nullptr);
    CHECK(store.current()->number == 5);
  }
  for (const std::uint64_t number : {1, 3, 5}) write(file(dir, number), "{}");
  RevisionStore store(dir.path());
  CHECK(store.current()->number == 0);
  CHECK(made(store.import({}, {}))->number == 6);
}

TEST_CASE("A directory or a link where a file should be does not read either") {
  const TempDir dir;
  fill(dir, 4);
  for (const std::uint64_t number : {2, 3, 4}) fs::remove(file(dir, number));
  fs::create_directory(file(dir, 2));
  fs::create_symlink(file(dir, 1), file(dir, 3));
  REQUIRE(::mkfifo(file(dir, 4).c_str(), 0600) == 0);
  const RevisionStore store(dir.path());
  CHECK(store.current()->number == 1);
  CHECK(fs::exists(file(dir, 2, ".json.unreadable")));
}

TEST_CASE("What unfinished writes left is removed, and what is not ours stays") {
  const TempDir dir;
  fill(dir, 2);
  write(file(dir, 3, ".json.tmp"), "half");
  write(dir.path() + "/revisions/notes.txt", "mine");
  write(dir.path() + "/revisions/3.json", "mine");
  const RevisionStore store(dir.path());
  CHECK(store.current()->number == 2);
  CHECK_FALSE(fs::exists(file(dir, 3, ".json.tmp")));
  CHECK(text_of(dir.path() + "/revisions/notes.txt") == "mine");
  CHECK(text_of(dir.path() + "/revisions/3.json") == "mine");
}

TEST_CASE("More files than are kept, as a kill may leave them, are removed at the start") {
  const TempDir dir;
  fill(dir, 120);
  const std::string first = text_of(file(dir, 21));
  fill(dir, 1);  // 121, so that 21 is gone
  write(file(dir, 21), first);
  REQUIRE(fs::exists(file(dir, 21)));
  const RevisionStore store(dir.path());
  CHECK_FALSE(fs::exists(file(dir, 21)));
  CHECK(store.list(0, 1000).size() == 100);
  CHECK(store.current()->number == 121);
}

TEST_CASE("Where no directory can be, the store lives in memory and says how to mend it, once") {
  const TempDir dir;
  write(dir.path() + "/file", "");
  Said said;
  RevisionStore store(dir.path() + "/file", said.log());
  CHECK(made(store.import(numbered_policy(5), kFile))->number == 1);
  store.start([](const RevisionPtr&) {});
  CHECK(store.not_durable().find("Not a directory") != std::string::npos);
  CHECK(store.not_durable().find("--state-dir") != std::string::npos);
  const Refused why = refused(commit(store, {numbered_policy(6), kSomebody}));
  CHECK(why.refusal == Refusal::kNotStored);
  CHECK(why.why == store.not_durable());
  CHECK(number_of(store.current()->policy) == 5);
  // The file is what the next start reads: it may change the policy.
  CHECK(made(store.import(numbered_policy(7), kFile))->number == 2);
  CHECK(number_of(store.current()->policy) == 7);
  CHECK(said.count(Gravity::kWarning, "") == 1);
}

TEST_CASE("A directory that others may write to, or that is a link, is not used") {
  const TempDir dir;
  fill(dir, 2);
  const std::string path = dir.path() + "/revisions";
  fs::permissions(path, fs::perms{0770});
  {
    const RevisionStore store(dir.path());
    CHECK(store.current()->number == 0);
    CHECK(store.not_durable().find("chmod go-w") != std::string::npos);
  }
  fs::permissions(path, fs::perms{0700});
  fs::rename(path, dir.path() + "/elsewhere");
  fs::create_directory_symlink(dir.path() + "/elsewhere", path);
  const RevisionStore store(dir.path());
  CHECK(store.current()->number == 0);
  CHECK_FALSE(store.not_durable().empty());
}

TEST_CASE("In a directory that can only be read, what is there is in force") {
  const TempDir dir;
  fill(dir, 3);
  write(file(dir, 4), "torn");
  write(file(dir, 5, ".json.tmp"), "half");
  FailingDisk disk;
  disk.fail(1, EROFS, true);
  Said said;
  RevisionStore store(dir.path(), said.log(), &disk);
  CHECK(made(store.import({}, {}))->number == 3);
  CHECK(store.not_durable().find("Read-only file system") != std::string::npos);
  CHECK(refused(commit(store, {numbered_policy(6), kSomebody})).refusal == Refusal::kNotStored);
  CHECK(text_of(file(dir, 4)) == "torn");
  CHECK(text_of(file(dir, 5, ".json.tmp")) == "half");
}

}  // namespace pulsed::test
