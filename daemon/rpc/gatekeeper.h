// Accepts connections and hands them to gRPC once it is known who they are and that they speak: a thread of its own.
//
// Whoever has no right to a door is closed before a byte of theirs is read. Who connects and then says nothing, or something
// that is not HTTP/2, is closed, too; what was said is looked at (MSG_PEEK) and left for gRPC. A descriptor of our own for
// each connection tells when it has ended, so that the bounds are exact.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/log_budget.h"
#include "daemon/rpc/peer_table.h"
#include "shared_memory/segment.h"

namespace pulsed::rpc {

// One listening socket, and what becomes of its connections.
struct Door {
  enum class Greeting : std::uint8_t { kHttp2, kTls };

  std::string name;  // in log lines
  shm::Fd listener;
  Greeting greeting = Greeting::kHttp2;
  bool is_local = true;                                 // a unix socket: peers have a uid
  std::function<bool(uid_t)> admits{};                  // only of unix sockets; empty: everybody
  std::function<void(shm::Fd connection)> hand_over{};  // on the gatekeeper's thread
};

struct GateLimits {
  std::uint32_t connections;          // of a door
  std::uint32_t connections_per_uid;  // of a door; root and our own uid excepted
  std::chrono::milliseconds silence;  // until a connection has greeted
};

// start, stop and the destructor belong to one thread.
class Gatekeeper {
 public:
  // `peers` outlives it, and so does `refused`, which counts connections; `warn` gets a bounded number of lines, on the
  // thread.
  Gatekeeper(std::vector<Door> doors, GateLimits limits, PeerTable& peers,
             std::atomic<std::uint64_t>& refused, std::function<void(const std::string&)> warn);
  ~Gatekeeper();  // stops
  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;

  void start();
  // Nobody is accepted any more; what was handed over lives on.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  struct Connection {
    shm::Fd fd;
    std::size_t door;
    std::optional<uid_t> uid;
    Clock::time_point greets_until;
    bool handed_over = false;
  };

  void run();
  void accept_some(std::size_t door);
  void accept(std::size_t door, shm::Fd fd);
  void on_event(std::uint64_t key, std::uint32_t events);
  void hand_over(Connection& connection, std::uint64_t key);
  void end(std::uint64_t key);
  void close_silent();
  void pause(bool on);
  void refuse(const Door& door, std::optional<uid_t> uid, const std::string& why);
  [[nodiscard]] bool over_limit(std::size_t door, std::optional<uid_t> uid) const;
  [[nodiscard]] bool watch(int fd, std::uint64_t key, std::uint32_t events, int how);

  std::vector<Door> doors_;
  const GateLimits limits_;
  PeerTable& peers_;
  std::atomic<std::uint64_t>& refused_;
  const std::function<void(const std::string&)> warn_;
  shm::Fd epoll_;
  shm::Fd wake_;
  std::thread thread_;

  // The thread's alone.
  std::unordered_map<std::uint64_t, Connection> connections_;
  std::vector<std::uint32_t> of_door_;
  std::map<std::pair<std::size_t, uid_t>, std::uint32_t> of_uid_;
  std::uint64_t next_key_;
  std::size_t silent_ = 0;  // connections not handed over
  std::optional<Clock::time_point> accept_again_;
  LogBudget lines_;
};

}  // namespace pulsed::rpc
