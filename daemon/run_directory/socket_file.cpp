#include "daemon/run_directory/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace pulsed {

shm::Fd listen_on_path(const std::string& path, int type) {
  constexpr int kBacklog = 128;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw std::runtime_error(
        path + ": too long for a socket path (107 bytes at most); choose a shorter --run-dir");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  shm::Fd listener(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Not before there is one to take its place; and what errno says of it counts.
  if (listener.valid()) ::unlink(path.c_str());
  if (!listener.valid() ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::listen(listener.get(), kBacklog) != 0) {
    throw std::runtime_error("cannot listen on " + path + ": " + std::strerror(errno) +
                             "; choose a directory that can be written with --run-dir");
  }
  return listener;
}

}  // namespace pulsed
