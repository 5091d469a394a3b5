#include "daemon/run_directory/run_directory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/support/temp_dir.h"

namespace pulsed {
namespace {

TEST_CASE("one daemon holds a run directory, and the next is told which") {
  const test::TempDir dir;
  shm::Fd held = hold_run_directory(dir.path() + "/run");
  const std::string holder = "(pid " + std::to_string(::getpid()) + ")";
  CHECK_THROWS_WITH(hold_run_directory(dir.path() + "/run"), doctest::Contains(holder.c_str()));
  held.reset();
  CHECK(hold_run_directory(dir.path() + "/run").valid());
}

TEST_CASE("nobody else may open the lock, who could keep us from starting with it") {
  const test::TempDir dir;
  const std::string lock = dir.path() + "/pulsed.lock";
  // As a pulsed before this one left it.
  { const shm::Fd old(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)); }
  REQUIRE(::chmod(lock.c_str(), 0644) == 0);
  const shm::Fd held = hold_run_directory(dir.path());
  struct stat st {};
  REQUIRE(::stat(lock.c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
}

TEST_CASE("a run directory where others may write, or that is none, is refused with what to do") {
  const test::TempDir dir;
  REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
  CHECK_THROWS_WITH(hold_run_directory(dir.path()), doctest::Contains("chmod go-w"));
  REQUIRE(::chmod(dir.path().c_str(), 0700) == 0);
  const std::string file = dir.path() + "/file";
  { const shm::Fd made(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)); }
  CHECK_THROWS_WITH(hold_run_directory(file), doctest::Contains("is not a directory"));
}

}  // namespace
}  // namespace pulsed
