// The daemon's API over gRPC: reading for everybody through api.sock, changes through admin/api.sock for those with the
// right, and both over TCP where the configuration asks for it.
//
//   rpc::ApiServer api({.run_dir = "/run/pulsed", ...}, {daemon, daemon, daemon.events(), daemon, store, ...});
//   api.start();  // throws std::runtime_error, whose text is for people
//   ...
//   api.stop();
//
// Connections are accepted by a thread of ours, which knows who they are before gRPC reads a byte of them. What may take
// long (a picture from the control loop, a revision on its way to the disk) never holds a thread of gRPC. No third-party
// types.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/controls.h"
#include "daemon/details.h"
#include "daemon/event_log.h"
#include "daemon/revisions/revision_store.h"
#include "daemon/snapshot.h"

namespace pulsed::rpc {

// What the API shows and changes. All of it outlives the server.
struct Site {
  SnapshotSource& snapshots;
  DetailsSource& details;
  const EventLog& events;
  Controls& controls;
  revisions::RevisionStore& revisions;
  std::function<bool()> ready;                    // services can attach
  std::function<void(const std::string&)> audit;  // a line for each change, and each refused one
  std::function<void(const std::string&)> warn;   // a line about connections or gRPC itself
};

struct Options {
  std::string run_dir;
  std::string state_dir;  // to be shown
  config::Api api;
  std::uint32_t abi_major = 0;  // to be shown

  // Connections to one socket at a time; one more is closed.
  std::uint32_t connections = 128;
  std::uint32_t connections_per_uid = 32;  // root and our own uid excepted
  std::uint32_t watches = 256;             // WatchEvents and Watch together
  std::uint32_t watches_per_caller = 64;
  // Of answers that readers have not taken yet; a call more is refused.
  std::uint64_t answer_bytes = std::uint64_t{128} << 20;
  std::uint64_t answer_bytes_per_caller = std::uint64_t{16} << 20;
  std::chrono::milliseconds silence{5'000};        // from the connect to the whole HTTP/2 preface
  std::chrono::milliseconds idle{300'000};         // without a call
  std::chrono::milliseconds patience{100};         // for the control loop
  std::chrono::milliseconds change_limit{30'000};  // for a change to be stored
};

// Calls of one method that ended with one code: {"PolicyService/Update", "ABORTED", 3}.
struct CallCount {
  std::string method;
  std::string code;
  std::uint64_t calls = 0;
};

// start, stop and the destructor belong to one thread; the counts are thread-safe.
class ApiServer {
 public:
  ApiServer(Options options, Site site);
  ~ApiServer();  // stops
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // At most once.
  void start();
  // Ends watches and calls with UNAVAILABLE, and returns within about a second. Does nothing if not started, or stopped.
  void stop();

  [[nodiscard]] std::uint16_t tcp_port() const;  // where it listens; 0: it does not
  [[nodiscard]] std::uint64_t connections_refused() const;
  [[nodiscard]] std::vector<CallCount> calls() const;  // what ended so far; each pair once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pulsed::rpc
