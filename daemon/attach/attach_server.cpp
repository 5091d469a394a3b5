#include "daemon/attach/attach_server.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <stdexcept>

#include "daemon/attach/printable.h"
#include "daemon/run_directory/socket_file.h"

namespace pulsed::attach {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kHelloTimeout{1000};
// Without a descriptor to accept with, the socket stays readable: nobody is accepted for so long.
constexpr std::chrono::milliseconds kAcceptPause{100};
// One turn of the thread accepts no more, so that a storm of connections cannot keep it from hellos and from stopping.
constexpr int kAcceptsPerTurn = 64;
// Descriptors kept free of connections: a quarter of what there are, at most.
constexpr rlim_t kReserve = 64;
// 73 years: no clock has run that long, and what is reckoned from a few of them fits 64 bits.
constexpr std::uint64_t kMostClockNs = INT64_MAX / 4;
constexpr std::uint64_t kListenerKey = 0;
constexpr std::uint64_t kWakeKey = UINT64_MAX;

std::string service_name(const pulsed_hello& hello, const Peer& peer) {
  const std::string claimed(hello.service, ::strnlen(hello.service, PULSED_SERVICE_NAME_MAX));
  // A letter that is cut is none.
  return printable(
      (claimed.empty() ? peer.executable : claimed).substr(0, PULSED_SERVICE_NAME_MAX));
}

std::uint64_t segment_bytes(const shm::Dimensions& d) {
  const shm::ClockInfo any{PULSED_CLOCK_MONOTONIC, 1'000'000'000};
  return shm::make_header(shm::Side::kService, d, any, 0).segment_bytes +
         shm::make_header(shm::Side::kDaemon, d, any, 0).segment_bytes;
}

pulsed_welcome make_welcome(std::uint32_t status, const std::string& reason) {
  pulsed_welcome welcome{};
  welcome.magic = PULSED_ATTACH_MAGIC;
  welcome.type = PULSED_MESSAGE_WELCOME;
  welcome.status = status;
  welcome.abi_major = PULSED_ABI_MAJOR;
  welcome.abi_minor = PULSED_ABI_MINOR;
  std::strncpy(welcome.reason, reason.c_str(), sizeof(welcome.reason) - 1);
  return welcome;
}

bool send_segments(int socket, const shm::DaemonEnd& end) {
  pulsed_welcome welcome = make_welcome(PULSED_ATTACH_OK, "");
  iovec part{&welcome, sizeof(welcome)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const std::array<int, 2> fds{end.service_fd.get(), end.daemon_fd.get()};
  std::memcpy(CMSG_DATA(c), fds.data(), sizeof(fds));
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(sizeof(welcome));
}

}  // namespace

bool AttachedService::alive() const { return pidfd == nullptr || !has_ended(pidfd->get()); }

namespace {

int descriptors_for_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return INT_MAX;
  const rlim_t most = std::min<rlim_t>(limit.rlim_cur, INT_MAX);
  return static_cast<int>(most - std::min(kReserve, most / 4));
}

}  // namespace

AttachServer::AttachServer(const std::string& run_dir, Limits limits, shm::ClockInfo clock)
    : run_dir_(run_dir),
      limits_(std::move(limits)),
      clock_(clock),
      descriptors_(descriptors_for_connections()),
      listener_(listen_on_path(run_dir + "/attach.sock", SOCK_SEQPACKET)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_.valid() || !wake_.valid() || !watch(listener_.get(), kListenerKey) ||
      !watch(wake_.get(), kWakeKey)) {
    throw std::runtime_error(std::string("cannot watch the attach socket: ") +
                             std::strerror(errno));
  }
}

AttachServer::~AttachServer() { stop(); }

void AttachServer::start() {
  thread_ = std::thread([this] { run(); });
}

void AttachServer::stop() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof(one));
    thread_.join();
  }
  if (listener_.valid()) ::unlink((run_dir_ + "/attach.sock").c_str());
  listener_.reset();
  connections_.clear();
}

std::vector<Event> AttachServer::take_events() {
  if (!has_events_.load(std::memory_order_acquire)) return {};  // pairs with emit
  // The loop outranks whoever holds the lock, and would wait for it to be scheduled: the next call takes them.
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return {};
  has_events_.store(false, std::memory_order_relaxed);
  return std::exchange(events_, {});
}

void AttachServer::emit(Event event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  has_events_.store(true, std::memory_order_release);  // pairs with take_events
}

bool AttachServer::watch(int fd, std::uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = key;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void AttachServer::run() {
  ::pthread_setname_np(::pthread_self(), "pulsed-attach");
  std::array<epoll_event, 64> ready{};
  while (true) {
    // Late hellos are looked for only while there may be some: an idle server sleeps.
    const bool waiting =
        accept_again_ || std::any_of(connections_.begin(), connections_.end(),
                                     [](const auto& c) { return !c.second.attached; });
    const int n = ::epoll_wait(epoll_.get(), ready.data(), ready.size(), waiting ? 100 : -1);
    for (int i = 0; i < n; ++i) {
      const std::uint64_t key = ready[static_cast<std::size_t>(i)].data.u64;
      if (key == kWakeKey) return;
      key == kListenerKey ? accept_some() : on_readable(key);
    }
    drop_late();
    if (accept_again_ && *accept_again_ <= Clock::now()) pause_accepting(false);
  }
}

void AttachServer::pause_accepting(bool pause) {
  epoll_event event{};
  event.events = pause ? 0U : std::uint32_t{EPOLLIN};
  event.data.u64 = kListenerKey;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), &event);
  accept_again_.reset();
  if (pause) accept_again_ = Clock::now() + kAcceptPause;
}

std::size_t AttachServer::mute_connections_of(uid_t uid) const {
  return static_cast<std::size_t>(std::count_if(
      connections_.begin(), connections_.end(),
      [uid](const auto& c) { return !c.second.attached && c.second.peer.uid == uid; }));
}

void AttachServer::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {  // epoll tells again of those that still wait
    shm::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid() && errno != EMFILE && errno != ENFILE) return;
    // A new descriptor is the lowest that is free.
    if (!socket.valid() || socket.get() >= descriptors_) {
      emit(Refused{"out of file descriptors; raise LimitNOFILE"});
      pause_accepting(true);
      return;
    }
    // Peers that have not said hello are bounded too.
    if (connections_.size() >= std::size_t{2} * limits_.services) {
      emit(Refused{"too many connections"});
      continue;
    }
    std::string error;
    std::optional<Peer> peer = identify(socket.get(), error);
    if (!peer) continue;
    // One user's silence must not keep the others out.
    if (mute_connections_of(peer->uid) >= std::size_t{2} * limits_.services_per_uid) {
      emit(Refused{"uid " + std::to_string(peer->uid) +
                   " has too many connections without a hello"});
      continue;
    }
    const std::uint64_t key = next_key_++;
    const bool watched = watch(socket.get(), key) && watch(peer->pidfd->get(), key);
    Connection connection{std::make_shared<shm::Fd>(std::move(socket)), std::move(*peer),
                          Clock::now() + kHelloTimeout};
    if (watched) connections_.emplace(key, std::move(connection));
  }
}

void AttachServer::on_readable(std::uint64_t key) {
  const auto found = connections_.find(key);
  if (found != connections_.end()) on_message(key, found->second);
}

void AttachServer::on_message(std::uint64_t key, Connection& connection) {
  union {
    pulsed_hello hello;
    pulsed_clocks clocks;
  } message{};
  const ssize_t n =
      ::recv(connection.socket->get(), &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    drop(
        key);  // nothing to read, so it was the pidfd: the process has ended, whoever holds the socket
    return;
  }
  if (n <= 0) {
    drop(key);
  } else if (!connection.attached) {
    if (n == sizeof(pulsed_hello)) {
      handle_hello(key, connection, message.hello);
    } else {
      refuse(key, connection, PULSED_ATTACH_BAD_HELLO, "the hello has the wrong size");
    }
  } else if (n == sizeof(pulsed_clocks)) {
    handle_clocks(connection, message.clocks);
  }
}

void AttachServer::handle_clocks(const Connection& connection, const pulsed_clocks& clocks) {
  if (clocks.magic != PULSED_ATTACH_MAGIC || clocks.type != PULSED_MESSAGE_CLOCKS ||
      clocks.count > PULSED_CLOCKS_A_MESSAGE || clocks.at_ns > kMostClockNs) {
    return;
  }
  constexpr std::size_t kMostWaiting = 4096;  // a peer that floods answers is not listened to
  {
    const std::lock_guard lock(mutex_);
    if (events_.size() >= kMostWaiting) return;
  }
  pulsed_clocks checked = clocks;
  for (std::uint64_t& cpu : checked.cpu_ns) {
    if (cpu > kMostClockNs) cpu = PULSED_CLOCK_UNREADABLE;
  }
  emit(ClocksRead{connection.id, checked});
}

std::uint32_t AttachServer::reject(const pulsed_hello& hello, const Connection& connection,
                                   std::string& reason) const {
  const uid_t uid = connection.peer.uid;
  if (hello.magic != PULSED_ATTACH_MAGIC || hello.type != PULSED_MESSAGE_HELLO) {
    reason = "not a hello";
    return PULSED_ATTACH_BAD_HELLO;
  }
  if (hello.abi_major != PULSED_ABI_MAJOR) {
    reason = "ABI major " + std::to_string(hello.abi_major) + ", this daemon speaks " +
             std::to_string(PULSED_ABI_MAJOR);
    return PULSED_ATTACH_WRONG_ABI;
  }
  const bool listed = std::find(limits_.allow_uids.begin(), limits_.allow_uids.end(), uid) !=
                      limits_.allow_uids.end();
  const bool allowed = limits_.allow_uids.empty() ? ::geteuid() == 0 || uid == ::geteuid() : listed;
  if (!allowed) {
    reason = "uid " + std::to_string(uid) + " may not attach (attach.allow_uids)";
    return PULSED_ATTACH_DENIED;
  }
  const shm::Dimensions d{hello.workers, hello.ring_samples, hello.tasks, hello.classes};
  if (auto wrong = shm::out_of_range(d)) {
    reason = *wrong;
    return PULSED_ATTACH_BAD_HELLO;
  }
  const shm::Dimensions& most = limits_.most;
  if (d.workers > most.workers || d.ring_samples > most.ring_samples || d.tasks > most.tasks ||
      d.classes > most.classes) {
    reason = "asks for more workers, samples, tasks or classes than limits allow";
    return PULSED_ATTACH_TOO_LARGE;
  }
  std::uint32_t in_all = 0;
  std::uint32_t of_uid = 0;
  std::uint64_t bytes = segment_bytes(d);
  for (const auto& [key, other] : connections_) {
    if (!other.attached) continue;
    ++in_all;
    if (other.peer.uid == uid) ++of_uid, bytes += other.bytes;
  }
  if (in_all >= limits_.services || of_uid >= limits_.services_per_uid) {
    reason = in_all >= limits_.services ? "this daemon has limits.services already"
                                        : "this uid has limits.services_per_uid already";
    return PULSED_ATTACH_TOO_MANY;
  }
  if (uid != 0 && bytes > limits_.bytes_per_uid) {
    reason = "this uid's segments would pass limits.segment_bytes_per_uid";
    return PULSED_ATTACH_TOO_LARGE;
  }
  return PULSED_ATTACH_OK;
}

void AttachServer::handle_hello(std::uint64_t key, Connection& connection,
                                const pulsed_hello& hello) {
  std::string reason;
  if (const std::uint32_t status = reject(hello, connection, reason); status != PULSED_ATTACH_OK) {
    refuse(key, connection, status, reason);
    return;
  }
  const shm::Dimensions d{hello.workers, hello.ring_samples, hello.tasks, hello.classes};
  const std::uint64_t id = next_id_++;
  std::optional<shm::DaemonEnd> end = shm::create_segments(d, clock_, id, reason);
  if (!end) {
    refuse(key, connection, PULSED_ATTACH_ERROR, reason);
    return;
  }
  if (!send_segments(connection.socket->get(), *end)) {
    drop(key);
    return;
  }
  end->daemon_fd.reset();  // the mapping stays; S keeps its descriptor, to ask which pages exist
  connection.attached = true;
  connection.id = ServiceId{id};
  connection.bytes = segment_bytes(d);
  emit(Attached{std::make_unique<AttachedService>(AttachedService{
      ServiceId{id}, connection.peer.pid, connection.peer.uid, service_name(hello, connection.peer),
      d, std::move(*end), connection.socket, hello.abi_minor, connection.peer.pidfd})});
}

void AttachServer::refuse(std::uint64_t key, const Connection& connection, std::uint32_t status,
                          const std::string& reason) {
  const pulsed_welcome welcome = make_welcome(status, reason);
  ::send(connection.socket->get(), &welcome, sizeof(welcome), MSG_NOSIGNAL | MSG_DONTWAIT);
  emit(Refused{connection.peer.executable + " (pid " + std::to_string(connection.peer.pid) +
               ", uid " + std::to_string(connection.peer.uid) + "): " + reason});
  drop(key);
}

void AttachServer::drop(std::uint64_t key) {
  const auto found = connections_.find(key);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  // The loop may hold the descriptor yet, and epoll would go on reporting it.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.socket->get(), nullptr);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.peer.pidfd->get(), nullptr);
  ::shutdown(connection.socket->get(), SHUT_RDWR);
  if (connection.attached) emit(Detached{connection.id});
  connections_.erase(found);
}

void AttachServer::drop_late() {
  const Clock::time_point now = Clock::now();
  std::vector<std::uint64_t> late;
  for (const auto& [key, connection] : connections_) {
    if (!connection.attached && connection.deadline <= now) late.push_back(key);
  }
  for (const std::uint64_t key : late) drop(key);
}

}  // namespace pulsed::attach
