// The daemon's HTTP server: a thread of its own, sessions that cannot hold each other up, bounds on
// everything.
//
//   http::HttpServer server({.host = "127.0.0.1", .port = 10857},
//                           {.source = loop, .render = text_of, .ready = is_attachable});
//   server.start();  // throws ListenError, whose text is for people
//   ...
//   server.stop();
//
// It holds the Site, so what the Site refers to outlives it. No third-party types.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "daemon/http/routes.h"

namespace pulsed::http {

struct Options {
  std::string host = "127.0.0.1";  // an IP address, or localhost, which is 127.0.0.1
  std::uint16_t port = 10857;      // 0: any free port, see HttpServer::port

  std::size_t max_connections = 256;                      // one more is told 503 and closed
  std::size_t max_watchers = 128;                         // of /events, beside those; then 503 too
  std::size_t max_unsent_bytes = std::size_t{256} << 20;  // of replies on their way; then 503 too
  std::chrono::milliseconds header_timeout{10'000};  // from a request's first byte, or the connect
  std::chrono::milliseconds idle_timeout{60'000};    // between requests
  std::chrono::milliseconds write_timeout{30'000};   // for a whole reply
};

// The server cannot listen. what() reads like "http 127.0.0.1:10857: address in use; choose another
// with --http".
class ListenError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t { kBadAddress, kInUse, kNotAllowed, kNotOurs, kOther };
  ListenError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// What was turned away so far, and who watches now.
struct Counts {
  std::uint64_t connections_refused = 0;  // over max_connections
  std::uint64_t watchers_refused = 0;     // over max_watchers
  std::uint64_t replies_refused = 0;      // over max_unsent_bytes
  std::size_t watchers = 0;
};

// start, stop and the destructor belong to one thread; the rest is thread-safe.
class HttpServer {
 public:
  HttpServer(Options options, Site site);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens, then serves on a thread of its own, at ordinary priority and with all signals blocked.
  // At most once. Throws ListenError, or std::system_error if there can be no thread.
  void start();

  // Closes the listening socket and every connection, and returns when the thread has ended: at
  // once, or when the reply being made is made. Does nothing if not started or stopped before.
  void stop();

  [[nodiscard]] std::uint16_t port() const;  // where it listens; only after start
  [[nodiscard]] Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pulsed::http
