// An open loop: sends light requests of one kind when the schedule says so, whatever became of those
// before.
#pragma once

#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "deploy/demo/load/arrivals.h"
#include "deploy/demo/load/http_client.h"
#include "deploy/demo/load/measurement.h"

namespace pulsed::demo::load {

struct PoolSize {
  std::size_t initial = 256;  // enough that a stalled service need not accept more to be measured
  std::size_t most = 1024;
};

class LightLoop {
 public:
  LightLoop(boost::asio::io_context& context, boost::asio::ip::tcp::endpoint service, Light kind,
            Arrivals arrivals, PoolSize pool, Measurement& measurement);

  // Opens the first connections. Throws boost::system::system_error if the service does not answer.
  void connect();
  // Sends from `start` until the end of the measurement's window.
  void run(Clock::time_point start);

  [[nodiscard]] std::size_t connections() const { return clients_.size(); }
  [[nodiscard]] std::size_t unanswered() const { return in_flight_ + backlog_.size(); }

 private:
  void wait_for_next();
  void send_due();
  void dispatch(Clock::time_point intended);
  void send(HttpClient& client, Clock::time_point intended);
  void answered(HttpClient& client, Clock::time_point intended, const std::string& error);
  [[nodiscard]] HttpClient* free_client();
  [[nodiscard]] const char* path() const;

  boost::asio::io_context& context_;
  const boost::asio::ip::tcp::endpoint service_;
  const Light kind_;
  Arrivals arrivals_;
  const PoolSize pool_;
  Measurement& measurement_;
  boost::asio::steady_timer timer_;
  Clock::time_point start_;
  std::vector<std::unique_ptr<HttpClient>>
      clients_;  // dead ones too: one may be in a call of its own
  std::vector<HttpClient*> idle_;
  std::deque<Clock::time_point> backlog_;  // due, and no connection free
  std::size_t in_flight_ = 0;
  std::size_t next_word_ = 0;
};

}  // namespace pulsed::demo::load
