// The closed loops: each asks for the next heavy request as soon as one is answered, until the window
// ends.
#pragma once

#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "deploy/demo/load/http_client.h"
#include "deploy/demo/load/measurement.h"

namespace pulsed::demo::load {

class HeavyLoops {
 public:
  // Opens the connections. Throws boost::system::system_error if the service does not answer.
  // `target` is what they ask for.
  HeavyLoops(boost::asio::io_context& context, const boost::asio::ip::tcp::endpoint& service,
             std::string target, std::size_t loops, Measurement& measurement);

  void run();
  [[nodiscard]] std::size_t unanswered() const { return in_flight_; }

 private:
  void ask(HttpClient& client);

  const std::string target_;
  Measurement& measurement_;
  std::vector<std::unique_ptr<HttpClient>> clients_;
  std::size_t in_flight_ = 0;
};

}  // namespace pulsed::demo::load
