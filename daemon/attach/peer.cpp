#include "daemon/attach/peer.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5
#endif

namespace pulsed::attach {
namespace {

std::string program_of(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  std::error_code failed;
  const std::filesystem::path exe = std::filesystem::read_symlink(proc + "/exe", failed);
  if (!failed) return exe.filename().string();
  std::ifstream comm(proc + "/comm");
  std::string name;
  std::getline(comm, name);
  return name;
}

bool has_ended(int pidfd) {
  pollfd end{pidfd, POLLIN, 0};
  return ::poll(&end, 1, 0) != 0;
}

// Before Linux 6.5: opened by number, so the process behind the number is checked to be the socket's still.
shm::Fd pidfd_by_number(pid_t pid) {
  return shm::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

std::optional<Peer> identify(int socket, std::string& error) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    error = std::string("SO_PEERCRED: ") + std::strerror(errno);
    return std::nullopt;
  }
  if (credentials.pid <= 0) {
    error = "the peer lives in a pid namespace that this daemon cannot see";
    return std::nullopt;
  }
  Peer peer{credentials.pid, credentials.uid, {}, {}};
  int pidfd = -1;
  size = sizeof(pidfd);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0) {
    peer.pidfd = shm::Fd(pidfd);
  } else {
    peer.pidfd = pidfd_by_number(credentials.pid);
  }
  if (!peer.pidfd.valid()) {
    error = std::string("pidfd: ") + std::strerror(errno);
    return std::nullopt;
  }
  peer.executable = program_of(credentials.pid);
  // While it has not ended its number was not given away, so what was read above was about it.
  if (has_ended(peer.pidfd.get())) {
    error = "the peer has ended";
    return std::nullopt;
  }
  return peer;
}

}  // namespace pulsed::attach
