#include "daemon/attach/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace pulsed::attach {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& mend) {
  throw std::runtime_error(what + ": " + std::strerror(errno) + "; " + mend);
}

std::string holder_of(int fd) {
  std::array<char, 32> pid{};
  const ssize_t n = ::pread(fd, pid.data(), pid.size() - 1, 0);
  return n > 0 ? " (pid " + std::string(pid.data(), std::strcspn(pid.data(), "\n")) + ")" : "";
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
  shm::Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock.valid())
    fail("cannot open " + path, "choose a directory that can be written with --run-dir");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      fail("cannot lock " + path, "choose another directory with --run-dir");
    throw std::runtime_error("another pulsed" + holder_of(lock.get()) + " holds " + run_dir +
                             "; stop it, or choose another directory with --run-dir");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    fail("cannot write " + path, "is the disk full?");
  }
  return lock;
}

shm::Fd listen_for_services(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw std::runtime_error(
        path + ": too long for a socket path (107 bytes at most); choose a shorter --run-dir");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  shm::Fd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());
  if (!listener.valid() ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::listen(listener.get(), 128) != 0) {
    fail("cannot listen on " + path, "choose a directory that can be written with --run-dir");
  }
  return listener;
}

}  // namespace pulsed::attach
