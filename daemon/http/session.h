// One connection of the HTTP server: reads requests one after the other and answers each. Inside
// daemon/http only.
//
//   accepted -> header --ok--> answer -> sent --keep alive--> idle -> header -> ...
//                  |                              \--events--> event_stream.h
//                  \--wrong--> 4xx ----------> sent --close--> linger -> closed
//
// All of it runs on the server's thread. A session lives as long as an operation of it is under
// way; each has a deadline.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>

#include "daemon/http/event_stream.h"
#include "daemon/http/routes.h"
#include "daemon/http/server.h"

namespace pulsed::http {

// A statistic, ordered with nothing: one thread adds, any reads.
class Tally {
 public:
  void add() { count_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t so_far() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

// What the sessions of a server share. Written on the server's thread only.
struct Sessions {
  const Options& options;
  const Site& site;
  bool on_loopback = false;      // it listens there: see host.h
  std::size_t open = 0;          // connections being served, without watchers
  std::size_t refusing = 0;      // connections being told that there are too many
  std::size_t unsent_bytes = 0;  // of replies on their way
  std::size_t watchers = 0;      // of events
  Tally connections_refused;
  Tally watchers_refused;
  Tally replies_refused;
  EventStreams streams{site.history, options.write_timeout};
};

// Takes over a fresh connection; Sessions outlives it.
void serve(boost::asio::ip::tcp::socket socket, Sessions& sessions);
// Tells a connection that there are too many.
void refuse(boost::asio::ip::tcp::socket socket, Sessions& sessions);

}  // namespace pulsed::http
