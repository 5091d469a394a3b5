#include "daemon/rpc/gatekeeper.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace pulsed::rpc {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr char kTlsHandshake = 0x16;
// Without a descriptor to accept with, a socket stays readable: nobody is accepted for so long.
constexpr std::chrono::milliseconds kAcceptPause{100};
// How often those that have not greeted are looked at.
constexpr int kLookMs = 100;
// One turn accepts no more, so that a storm of connections cannot keep the thread from the others.
constexpr int kAcceptsPerTurn = 64;
constexpr std::uint64_t kWakeKey = UINT64_MAX;

enum class Greeted : std::uint8_t { kNotYet, kYes, kNo };

// What the connection has said so far, left where it is.
Greeted greeted(int fd, Door::Greeting greeting) {
  std::array<char, kPreface.size()> said{};
  const std::size_t want = greeting == Door::Greeting::kTls ? 1 : said.size();
  const ssize_t n = ::recv(fd, said.data(), want, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Greeted::kNotYet : Greeted::kNo;
  if (n == 0) return Greeted::kNo;  // closed without a word
  const auto got = static_cast<std::size_t>(n);
  if (greeting == Door::Greeting::kTls)
    return said[0] == kTlsHandshake ? Greeted::kYes : Greeted::kNo;
  if (kPreface.compare(0, got, said.data(), got) != 0) return Greeted::kNo;
  return got == kPreface.size() ? Greeted::kYes : Greeted::kNotYet;
}

std::optional<uid_t> uid_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return credentials.uid;
}

}  // namespace

Gatekeeper::Gatekeeper(std::vector<Door> doors, GateLimits limits, PeerTable& peers,
                       std::atomic<std::uint64_t>& refused,
                       std::function<void(const std::string&)> warn)
    : doors_(std::move(doors)),
      limits_(limits),
      peers_(peers),
      refused_(refused),
      warn_(std::move(warn)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      of_door_(doors_.size()),
      next_key_(doors_.size()) {
  bool good =
      epoll_.valid() && wake_.valid() && watch(wake_.get(), kWakeKey, EPOLLIN, EPOLL_CTL_ADD);
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    good = good && watch(doors_[i].listener.get(), i, EPOLLIN, EPOLL_CTL_ADD);
  }
  if (!good) {
    throw std::runtime_error(std::string("cannot watch the API's sockets: ") +
                             std::strerror(errno));
  }
}

Gatekeeper::~Gatekeeper() { stop(); }

void Gatekeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Gatekeeper::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof(one));
  thread_.join();
  for (Door& door : doors_) door.listener.reset();
}

bool Gatekeeper::watch(int fd, std::uint64_t key, std::uint32_t events, int how) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  return ::epoll_ctl(epoll_.get(), how, fd, &event) == 0;
}

void Gatekeeper::run() {
  ::pthread_setname_np(::pthread_self(), "pulsed-api-gate");
  std::array<epoll_event, 64> ready{};
  while (true) {
    const bool waiting = accept_again_ || silent_ > 0;
    const int n = ::epoll_wait(epoll_.get(), ready.data(), ready.size(), waiting ? kLookMs : -1);
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = ready[static_cast<std::size_t>(i)];
      if (event.data.u64 == kWakeKey) return;
      if (event.data.u64 < doors_.size()) {
        accept_some(event.data.u64);
      } else {
        on_event(event.data.u64, event.events);
      }
    }
    close_silent();
    if (accept_again_ && *accept_again_ <= Clock::now()) pause(false);
  }
}

void Gatekeeper::pause(bool on) {
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    (void)watch(doors_[i].listener.get(), i, on ? 0U : std::uint32_t{EPOLLIN}, EPOLL_CTL_MOD);
  }
  accept_again_.reset();
  if (on) accept_again_ = Clock::now() + kAcceptPause;
}

void Gatekeeper::accept_some(std::size_t door) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    shm::Fd fd(
        ::accept4(doors_[door].listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.valid()) {
      accept(door, std::move(fd));
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause(true);
    return;
  }
}

bool Gatekeeper::over_limit(std::size_t door, std::optional<uid_t> uid) const {
  if (of_door_[door] >= limits_.connections) return true;
  if (!uid || *uid == 0 || *uid == ::geteuid()) return false;
  const auto used = of_uid_.find({door, *uid});
  return used != of_uid_.end() && used->second >= limits_.connections_per_uid;
}

void Gatekeeper::accept(std::size_t at, shm::Fd fd) {
  const Door& door = doors_[at];
  std::optional<uid_t> uid;
  if (door.is_local) {
    uid = uid_of(fd.get());
    if (!uid || (door.admits && !door.admits(*uid))) return refuse(door, uid, "has no right to it");
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  if (over_limit(at, uid)) return refuse(door, uid, "there are too many connections");
  const std::uint64_t key = next_key_++;
  if (!watch(fd.get(), key, EPOLLIN | EPOLLRDHUP | EPOLLET, EPOLL_CTL_ADD)) return;
  ++of_door_[at];
  if (uid) ++of_uid_[{at, *uid}];
  ++silent_;
  connections_.emplace(key, Connection{std::move(fd), at, uid, Clock::now() + limits_.silence});
}

// Edges alone are told: of a connection that has not greeted every new byte, of one handed over its end.
void Gatekeeper::on_event(std::uint64_t key, std::uint32_t events) {
  const auto at = connections_.find(key);
  if (at == connections_.end()) return;
  Connection& connection = at->second;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return end(key);
  if (connection.handed_over) return;
  switch (greeted(connection.fd.get(), doors_[connection.door].greeting)) {
    case Greeted::kNotYet:
      // Who will say no more has not greeted.
      if ((events & EPOLLRDHUP) != 0) end(key);
      return;
    case Greeted::kYes:
      return hand_over(connection, key);
    case Greeted::kNo:
      return end(key);
  }
}

void Gatekeeper::hand_over(Connection& connection, std::uint64_t key) {
  shm::Fd numbered = peers_.number(connection.fd.get(), connection.uid);
  if (!numbered.valid() || !watch(connection.fd.get(), key, EPOLLET, EPOLL_CTL_MOD))
    return end(key);
  connection.handed_over = true;
  --silent_;
  doors_[connection.door].hand_over(std::move(numbered));
}

void Gatekeeper::end(std::uint64_t key) {
  const auto at = connections_.find(key);
  const Connection& connection = at->second;
  --of_door_[connection.door];
  if (!connection.handed_over) --silent_;
  if (connection.uid) {
    const auto used = of_uid_.find({connection.door, *connection.uid});
    if (--used->second == 0) of_uid_.erase(used);
  }
  connections_.erase(at);
}

void Gatekeeper::close_silent() {
  if (silent_ == 0) return;
  const Clock::time_point now = Clock::now();
  std::vector<std::uint64_t> late;
  for (const auto& [key, connection] : connections_) {
    if (!connection.handed_over && connection.greets_until <= now) late.push_back(key);
  }
  for (const std::uint64_t key : late) {
    const Connection& connection = connections_.at(key);
    refuse(doors_[connection.door], connection.uid, "it said nothing");
    end(key);
  }
}

void Gatekeeper::refuse(const Door& door, std::optional<uid_t> uid, const std::string& why) {
  refused_.fetch_add(1, std::memory_order_relaxed);  // a statistic, ordered with nothing
  if (!lines_.take(Clock::now().time_since_epoch())) return;
  const std::string who = uid ? " of uid " + std::to_string(*uid) : "";
  warn_(door.name + ": a connection" + who + " was closed: " + why + lines_.left_out());
}

}  // namespace pulsed::rpc
