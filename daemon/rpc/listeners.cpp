#include "daemon/rpc/listeners.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace pulsed::rpc {
namespace {

constexpr int kBacklog = 128;

[[noreturn]] void fail(const std::string& what, const std::string& mend) {
  throw std::runtime_error(what + ": " + std::strerror(errno) + "; " + mend);
}

struct TcpAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

TcpAddress tcp_address(const config::HttpAddress& address) {
  TcpAddress out;
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    out.size = sizeof(v4);
  } else if (::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    out.size = sizeof(v6);
  } else {
    throw std::runtime_error("api.tcp: '" + address.host + "' is not an IP address");
  }
  return out;
}

}  // namespace

void make_directory(const std::string& path, mode_t mode) {
  struct stat st {};
  if ((::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) || ::lstat(path.c_str(), &st) != 0) {
    fail("cannot make " + path, "choose a directory that can be written with --run-dir");
  }
  if (!S_ISDIR(st.st_mode) || st.st_uid != ::geteuid()) {
    throw std::runtime_error(path + " is not a directory of ours; remove it");
  }
  if (::chmod(path.c_str(), mode) != 0) fail("cannot set the mode of " + path, "remove it");
}

shm::Fd listen_on_tcp(const config::HttpAddress& address) {
  const TcpAddress at = tcp_address(address);
  shm::Fd listener(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!listener.valid() ||
      ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at.storage), at.size) != 0 ||
      ::listen(listener.get(), kBacklog) != 0) {
    fail("cannot listen on " + config::http_text(address),
         "choose another address for api.tcp in pulsed.yaml");
  }
  return listener;
}

std::uint16_t port_of(const shm::Fd& listener) {
  sockaddr_storage at{};
  socklen_t size = sizeof(at);
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0) return 0;
  if (at.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(at).sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in&>(at).sin_port);
}

}  // namespace pulsed::rpc
