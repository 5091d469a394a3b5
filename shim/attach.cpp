#include "shim/attach.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>

#include <pulsed/shim.h>

namespace pulsed::shim {
namespace {

constexpr int kHandshakeMs = 1000;
// A daemon that has just welcomed us says what it can do a tick later.
constexpr std::chrono::milliseconds kLookAgainFirst{10};
constexpr std::chrono::milliseconds kLookAgainMost{1'000};

shm::Fd connect_to(const std::string& path, AttachFailure& failure) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    failure = {true, "run directory too long for a socket path: " + path};
    return {};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  shm::Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    // EAGAIN: a daemon that accepts nobody any more.
    failure = {error == EACCES || error == EPERM || error == EAGAIN,
               path + ": " + std::strerror(error)};
    return {};
  }
  return fd;
}

bool send_hello(int fd, const std::string& service, const shm::Dimensions& d) {
  pulsed_hello hello{};
  hello.magic = PULSED_ATTACH_MAGIC;
  hello.type = PULSED_MESSAGE_HELLO;
  hello.abi_major = PULSED_ABI_MAJOR;
  hello.abi_minor = PULSED_ABI_MINOR;
  hello.workers = d.workers;
  hello.ring_samples = d.ring_samples;
  hello.tasks = d.tasks;
  hello.classes = d.classes;
  std::memcpy(hello.service, service.data(),
              std::min<std::size_t>(service.size(), PULSED_SERVICE_NAME_MAX));
  return ::send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof(hello));
}

struct Welcome {
  pulsed_welcome message{};
  std::array<shm::Fd, 2> fds;
};

std::optional<Welcome> receive_welcome(int fd, int stop_fd, AttachFailure& failure) {
  std::array<pollfd, 2> waiting{pollfd{stop_fd, POLLIN, 0}, pollfd{fd, POLLIN, 0}};
  const int ready = ::poll(waiting.data(), waiting.size(), kHandshakeMs);
  if (waiting[0].revents != 0) {
    failure = {false, "the session is closed"};
    return std::nullopt;
  }
  if (ready <= 0) {
    failure = {true, "the daemon is there but does not answer"};
    return std::nullopt;
  }
  Welcome welcome;
  iovec part{&welcome.message, sizeof(welcome.message)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t n = ::recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  std::size_t taken = 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count && taken < welcome.fds.size(); ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
      welcome.fds[taken++] = shm::Fd(received);
    }
  }
  if (n != static_cast<ssize_t>(sizeof(welcome.message)) ||
      welcome.message.magic != PULSED_ATTACH_MAGIC ||
      welcome.message.type != PULSED_MESSAGE_WELCOME) {
    // A daemon that hung up is on its way out.
    failure = n > 0 ? AttachFailure{true, "the daemon's answer is no welcome"}
                    : AttachFailure{false, "the daemon hung up"};
    return std::nullopt;
  }
  welcome.message.reason[sizeof(welcome.message.reason) - 1] = '\0';
  return welcome;
}

bool answer_clocks(int socket, const pulsed_clocks& request, const ReadClocks& read_clocks) {
  if (request.count > PULSED_CLOCKS_A_MESSAGE) return false;
  const std::vector<std::uint32_t> workers(request.worker, request.worker + request.count);
  const std::vector<std::uint64_t> cpu = read_clocks(workers);
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  pulsed_clocks answer = request;
  answer.type = PULSED_MESSAGE_CLOCKS;
  answer.at_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
                 static_cast<std::uint64_t>(now.tv_nsec);
  std::copy(cpu.begin(), cpu.end(), answer.cpu_ns);
  return ::send(socket, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT) ==
             static_cast<ssize_t>(sizeof(answer)) ||
         errno == EAGAIN;  // a daemon that does not read its answers does not get them
}

}  // namespace

std::optional<AttachedSocket> attach(const std::string& run_dir, const std::string& service,
                                     const shm::Dimensions& dimensions, int stop_fd,
                                     AttachFailure& failure) {
  shm::Fd socket = connect_to(run_dir + "/attach.sock", failure);
  if (!socket.valid()) return std::nullopt;
  if (!send_hello(socket.get(), service, dimensions)) {
    failure = {false, std::string("hello: ") + std::strerror(errno)};
    return std::nullopt;
  }
  std::optional<Welcome> welcome = receive_welcome(socket.get(), stop_fd, failure);
  if (!welcome) return std::nullopt;
  if (welcome->message.status != PULSED_ATTACH_OK) {
    failure = {true, std::string("the daemon refused: ") + welcome->message.reason,
               welcome->message.status == PULSED_ATTACH_TOO_LARGE};
    return std::nullopt;
  }
  std::string error = "no segments came with the welcome";
  std::optional<shm::ServiceEnd> end;
  if (welcome->fds[1].valid()) {
    end = shm::open_segments(welcome->fds[0].get(), welcome->fds[1].get(), dimensions, error);
  }
  // What the inline code uses since the library was loaded, whatever would be decided now.
  const std::uint32_t clock = pulsed_clock_is_tsc != 0 ? PULSED_CLOCK_TSC : PULSED_CLOCK_MONOTONIC;
  if (end && end->service_header.clock_kind != clock) {
    error = "the daemon uses another clock than this service began with; restart the service";
    end.reset();
  }
  if (!end) {
    failure = {true, "the daemon's segments were refused: " + error};
    return std::nullopt;
  }
  return AttachedSocket{std::move(socket), std::move(*end)};
}

Wake serve(int socket, int stop_fd, int poke_fd, const ReadClocks& read_clocks,
           const std::function<bool()>& look) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> next;  // look; beside the messages, which may never cease
  std::chrono::milliseconds pause = kLookAgainFirst;
  const auto look_now = [&] {
    next = look() ? std::optional(Clock::now() + pause) : std::nullopt;
    pause = std::min(2 * pause, kLookAgainMost);
  };
  look_now();
  while (true) {
    int timeout_ms = -1;
    if (next) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
      if (left.count() <= 0) {
        look_now();
        continue;
      }
      timeout_ms = static_cast<int>(left.count());
    }
    std::array<pollfd, 3> waiting{pollfd{stop_fd, POLLIN, 0}, pollfd{socket, POLLIN, 0},
                                  pollfd{poke_fd, POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), timeout_ms) < 0) {
      if (errno == EINTR) continue;
      return Wake::kLost;
    }
    if (waiting[0].revents != 0) return Wake::kStop;
    if (waiting[2].revents != 0) {
      std::uint64_t writes = 0;
      [[maybe_unused]] const ssize_t n = ::read(poke_fd, &writes, sizeof(writes));
      pause = kLookAgainFirst;
      look_now();
    }
    if (waiting[1].revents == 0) continue;
    pulsed_clocks message{};
    const ssize_t n = ::recv(socket, &message, sizeof(message), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return Wake::kLost;
    if (n != static_cast<ssize_t>(sizeof(message)) || message.magic != PULSED_ATTACH_MAGIC ||
        message.type != PULSED_MESSAGE_READ_CLOCKS) {
      continue;  // of a newer minor
    }
    if (!answer_clocks(socket, message, read_clocks)) return Wake::kLost;
  }
}

}  // namespace pulsed::shim
