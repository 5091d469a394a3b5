// Listens on loopback and serves connections on a few worker threads until SIGTERM or SIGINT.
#pragma once

#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <cstdint>

#include "deploy/demo/service.h"

namespace pulsed::demo {

class Server {
 public:
  // Port 0 takes a free one. Throws boost::system::system_error if it cannot listen. `service`
  // outlives it.
  Server(Service& service, std::uint16_t port, unsigned threads);

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  // Returns after a signal, once the requests in work are answered or two seconds have passed.
  void run();

 private:
  [[nodiscard]] boost::asio::awaitable<void> accept_loop();
  void start_connection(boost::asio::ip::tcp::socket socket);
  void sweep();
  void stop();
  void leave_when_drained(Clock::time_point latest);

  Service& service_;
  unsigned threads_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stopping_{false};
  boost::asio::strand<boost::asio::io_context::executor_type>
      control_;  // runs what the next two wake
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;  // of the sweep, then of the end
};

}  // namespace pulsed::demo
