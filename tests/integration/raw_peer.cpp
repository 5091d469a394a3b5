#include "tests/integration/raw_peer.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace pulsed::test {
namespace {

bool readable(int fd, milliseconds deadline) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(deadline.count()) * slowness()) == 1;
}

}  // namespace

pulsed_hello make_hello(const std::string& service, const shm::Dimensions& d) {
  pulsed_hello hello{};
  hello.magic = PULSED_ATTACH_MAGIC;
  hello.type = PULSED_MESSAGE_HELLO;
  hello.abi_major = PULSED_ABI_MAJOR;
  hello.abi_minor = PULSED_ABI_MINOR;
  hello.workers = d.workers;
  hello.ring_samples = d.ring_samples;
  hello.tasks = d.tasks;
  hello.classes = d.classes;
  service.copy(hello.service, PULSED_SERVICE_NAME_MAX);
  return hello;
}

RawPeer::RawPeer(const std::string& socket_path)
    : socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect to " + socket_path);
  }
}

bool RawPeer::send(const void* data, std::size_t size) const {
  return ::send(socket_.get(), data, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

std::optional<pulsed_welcome> RawPeer::receive(milliseconds deadline) {
  if (!readable(socket_.get(), deadline)) return {};
  pulsed_welcome welcome{};
  iovec part{&welcome, sizeof(welcome)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC) != sizeof(welcome)) return {};
  const cmsghdr* c = CMSG_FIRSTHDR(&message);
  if (c != nullptr && c->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
    std::array<int, 2> fds{};
    std::memcpy(fds.data(), CMSG_DATA(c), sizeof(fds));
    service_fd_ = shm::Fd(fds[0]);
    daemon_fd_ = shm::Fd(fds[1]);
  }
  return welcome;
}

bool RawPeer::hung_up_within(milliseconds deadline) const {
  if (!readable(socket_.get(), deadline)) return false;
  char byte = 0;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK) <= 0;
}

shm::ServiceEnd RawPeer::open(const shm::Dimensions& dimensions) const {
  std::string error = "no segments came";
  std::optional<shm::ServiceEnd> end;
  if (daemon_fd_.valid()) {
    end = shm::open_segments(service_fd_.get(), daemon_fd_.get(), dimensions, error);
  }
  if (!end) throw std::runtime_error(error);
  return std::move(*end);
}

}  // namespace pulsed::test
