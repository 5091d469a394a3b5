// The attach socket: who may attach, the segments they get, and the connection as their lease.
//
// A thread of its own, so that making segments and slow peers never hold the control loop. What happens reaches the loop as
// events. Every connection is bounded: one hello within a second, a cap on services in all and for each uid.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "daemon/attach/peer.h"
#include "shared_memory/segment.h"

namespace pulsed::attach {

struct Limits {
  std::uint32_t services = 256;
  std::uint32_t services_per_uid = 64;
  shm::Dimensions most{PULSED_MAX_WORKERS, PULSED_MAX_RING, PULSED_MAX_TASKS, PULSED_MAX_CLASSES};
  std::uint64_t bytes_per_uid = std::uint64_t{16}
                                << 30;  // of segments, as sized, for each uid but root
  std::vector<uid_t> allow_uids;        // empty: root allows any uid, others only their own
};

// Unique over one run of the daemon.
enum class ServiceId : std::uint64_t {};

// A service that attached. Handed to the control loop, which owns the mappings from then on.
struct AttachedService {
  ServiceId id;
  pid_t pid;
  uid_t uid;
  std::string name;  // what it calls itself, else its executable; printable
  shm::Dimensions dimensions;
  shm::DaemonEnd end;
  std::shared_ptr<shm::Fd> socket;  // for READ_CLOCKS; shared with the server, which reads it
  std::uint16_t abi_minor = PULSED_ABI_MINOR;  // of the ABI that its shim speaks
  std::shared_ptr<shm::Fd> pidfd{};            // shared with the server; null: not known

  // Until its end is seen, its numbers are its own. A system call.
  [[nodiscard]] bool alive() const;
};

struct Attached {
  std::unique_ptr<AttachedService> service;
};
struct Detached {
  ServiceId id;
};
struct ClocksRead {
  ServiceId id;
  // The peer's word, in bounds: times that fit sums of signed nanoseconds, or PULSED_CLOCK_UNREADABLE.
  pulsed_clocks clocks;
};
struct Refused {
  std::string why;  // for the log
};
using Event = std::variant<Attached, Detached, ClocksRead, Refused>;

class AttachServer {
 public:
  // Binds `<run_dir>/attach.sock`, in a directory that the caller holds (daemon/run_directory). Throws std::runtime_error.
  AttachServer(const std::string& run_dir, Limits limits, shm::ClockInfo clock);
  ~AttachServer();
  AttachServer(const AttachServer&) = delete;
  AttachServer& operator=(const AttachServer&) = delete;

  void start();
  void stop();  // joins the thread and removes the socket; connections close, which ends the leases

  // What happened since the last call, oldest first. Any thread; cheap when nothing did, and never waits: what is being
  // added at this moment is left for the next call.
  [[nodiscard]] std::vector<Event> take_events();

 private:
  struct Connection {
    std::shared_ptr<shm::Fd> socket;
    Peer peer;
    std::chrono::steady_clock::time_point deadline;  // of the hello
    ServiceId id{};
    std::uint64_t bytes = 0;
    bool attached = false;
  };

  void run();
  void accept_some();
  void pause_accepting(bool pause);
  [[nodiscard]] std::size_t mute_connections_of(uid_t uid) const;
  void on_readable(std::uint64_t key);
  void on_message(std::uint64_t key, Connection& connection);
  void handle_hello(std::uint64_t key, Connection& connection, const pulsed_hello& hello);
  void handle_clocks(const Connection& connection, const pulsed_clocks& clocks);
  [[nodiscard]] std::uint32_t reject(const pulsed_hello& hello, const Connection& connection,
                                     std::string& reason) const;
  void refuse(std::uint64_t key, const Connection& connection, std::uint32_t status,
              const std::string& reason);
  bool watch(int fd, std::uint64_t key);
  void drop(std::uint64_t key);
  void drop_late();
  void emit(Event event);

  const std::string run_dir_;
  const Limits limits_;
  const shm::ClockInfo clock_;
  const int descriptors_;  // connections have lower ones: some are left to the rest of the daemon
  shm::Fd listener_;
  shm::Fd epoll_;
  shm::Fd wake_;
  std::unordered_map<std::uint64_t, Connection> connections_;  // the server's thread alone
  std::optional<std::chrono::steady_clock::time_point>
      accept_again_;  // set while accepting is paused
  std::uint64_t next_key_ = 1;
  std::uint64_t next_id_ = 1;
  std::thread thread_;

  std::mutex mutex_;
  std::vector<Event> events_;
  std::atomic<bool> has_events_{false};
};

}  // namespace pulsed::attach
