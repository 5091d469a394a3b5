#include "daemon/attach/peer.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "daemon/attach/printable.h"

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

// What a peer said before it hung up does not count: there is nobody left to attach.
bool has_hung_up(int socket) {
  pollfd end{socket, POLLRDHUP, 0};
  if (::poll(&end, 1, 0) != 0) return true;
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

bool runs_as(pid_t pid, uid_t uid) {
  struct stat owner {};
  return ::stat(("/proc/" + std::to_string(pid)).c_str(), &owner) == 0 && owner.st_uid == uid;
}

// Before Linux 6.5 a pidfd is opened by number, and a peer that ended and was reaped may have left its number to another
// process. Its socket then hung up, unless a child holds it yet; a process of another user is never taken for the peer.
// What stays possible is that a child holds the socket and the number went to a process of the same user, which could
// as well have attached itself: the lease then ends with that process, or with the socket.
shm::Fd open_pidfd(int socket, const ucred& peer) {
  int pidfd = -1;
  socklen_t size = sizeof(pidfd);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0) return shm::Fd(pidfd);
  if (errno != ENOPROTOOPT) return {};  // it has been reaped: its number tells nothing any more
  shm::Fd by_number(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
  if (!by_number.valid() || runs_as(peer.pid, peer.uid)) return by_number;
  errno = ESRCH;
  return {};
}

}  // namespace

bool has_ended(int pidfd) {
  pollfd end{pidfd, POLLIN, 0};
  return ::poll(&end, 1, 0) != 0;
}

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
  peer.pidfd = std::make_shared<shm::Fd>(open_pidfd(socket, credentials));
  if (!peer.pidfd->valid()) {
    error = std::string("pidfd: ") + std::strerror(errno);
    return std::nullopt;
  }
  peer.executable = printable(program_of(credentials.pid));
  // While the process of the pidfd has not ended its number was not given away, so what was read above was about it.
  if (has_ended(peer.pidfd->get()) || has_hung_up(socket)) {
    error = "the peer has ended";
    return std::nullopt;
  }
  return peer;
}

}  // namespace pulsed::attach
