// Server-sent events: who follows the history, and what each has been sent. Inside daemon/http only.
//
// A watcher is the number of the moment that it gets next, and at most one write: nothing is queued for it, as the texts are
// the history's. One that falls behind all that is kept, or takes too long to read, is closed; its browser comes back by
// itself and says what it saw last.
//
// All of it runs on the server's thread.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/history/history.h"
#include "daemon/http/counted.h"

namespace pulsed::http {

class EventStream;

class EventStreams {
 public:
  // `write_timeout`: for what one write sends. The history outlives it; null: there is none, and nobody follows it.
  EventStreams(const history::History* history, std::chrono::milliseconds write_timeout);
  ~EventStreams();
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  // Takes over a connection whose reply's header has been sent: moments from that number on follow.
  void add(boost::asio::ip::tcp::socket socket, std::uint64_t wanted, Counted place);
  // There are new moments.
  void wake();
  // How many follow: where this says none, a moment appended before will be found without a wake(). Any thread.
  [[nodiscard]] std::size_t count() const { return streams_.load(std::memory_order_relaxed); }
  // Closes those that wait for a moment; the others hold themselves until their writes end.
  void close() { waiting_.clear(); }

 private:
  friend class EventStream;

  // Written before a stream looks into the history, and read after the history was appended to: its mutex orders them.
  std::atomic<std::size_t> streams_{0};
  const history::History* history_;
  const std::chrono::milliseconds write_timeout_;
  std::vector<std::shared_ptr<EventStream>> waiting_;  // for the next moment
};

}  // namespace pulsed::http
