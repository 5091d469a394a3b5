#include "daemon/run_directory/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "daemon/run_directory/lock_file.h"

namespace pulsed {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& mend) {
  throw std::runtime_error(what + ": " + std::strerror(errno) + "; " + mend);
}

// In a directory that another user owns or may write, our sockets could be replaced by theirs.
void check_ours(const std::string& run_dir) {
  struct stat st {};
  if (::stat(run_dir.c_str(), &st) != 0)
    fail("cannot use " + run_dir, "choose another directory with --run-dir");
  if (!S_ISDIR(st.st_mode))
    throw std::runtime_error(run_dir + " is not a directory; choose another with --run-dir");
  if (st.st_uid != ::geteuid() && st.st_uid != 0) {
    throw std::runtime_error(run_dir + " belongs to uid " + std::to_string(st.st_uid) +
                             "; choose a directory of your own with --run-dir");
  }
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0) {
    throw std::runtime_error("others may write to " + run_dir + "; chmod go-w " + run_dir +
                             ", or choose another directory with --run-dir");
  }
}

}  // namespace

shm::Fd hold_run_directory(const std::string& run_dir) {
  std::error_code error;
  std::filesystem::create_directories(run_dir, error);
  check_ours(run_dir);
  const std::string path = run_dir + "/pulsed.lock";
  shm::Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid())
    fail("cannot open " + path, "choose a directory that can be written with --run-dir");
  // Whoever may open it could lock it, too, and keep us from starting. One of another mode was left by an older pulsed.
  [[maybe_unused]] const int unless_it_is_anothers = ::fchmod(lock.get(), 0600);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      fail("cannot lock " + path, "choose another directory with --run-dir");
    throw std::runtime_error("another pulsed" + holder_of(lock.get()) + " holds " + run_dir +
                             "; stop it, or choose another directory with --run-dir");
  }
  if (!note_holder(lock.get())) fail("cannot write " + path, "is the disk full?");
  return lock;
}

}  // namespace pulsed
