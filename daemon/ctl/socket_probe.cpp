#include "daemon/ctl/socket_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pulsed::ctl {
namespace {

SocketState after_failed_connect(int error, const std::filesystem::path& run_dir) {
  switch (error) {
    case EACCES:
    case EPERM:
      return SocketState::kForbidden;
    case ENOENT:
    case ENOTDIR:
      return ::access(run_dir.c_str(), F_OK) == 0 ? SocketState::kMissing : SocketState::kNoRunDir;
    case ECONNREFUSED:
      return SocketState::kStale;
    case EAGAIN:  // its backlog is full: somebody listens, and takes nobody
      return SocketState::kSilent;
    default:
      return SocketState::kUnusable;
  }
}

// A server of gRPC speaks first; one that does not let us in hangs up.
SocketState after_connect(int fd) {
  pollfd waits{fd, POLLIN, 0};
  if (::poll(&waits, 1, 1000) != 1) return SocketState::kSilent;
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_DONTWAIT) > 0 ? SocketState::kServed : SocketState::kDismissed;
}

}  // namespace

SocketState probe_socket(const std::filesystem::path& run_dir,
                         const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.size() >= sizeof(address.sun_path)) return SocketState::kUnusable;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SocketState::kUnusable;
  const bool connected =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const SocketState state = connected ? after_connect(fd) : after_failed_connect(errno, run_dir);
  ::close(fd);
  return state;
}

}  // namespace pulsed::ctl
