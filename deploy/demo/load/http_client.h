// One persistent HTTP connection with at most one request in flight, made to cost little: the
// request goes out in one non-blocking write, the answer is read into one buffer.
#pragma once

#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pulsed::demo::load {

class HttpClient {
 public:
  // Called once for each request, from the io_context: an empty `error` for status 200.
  using Done = std::function<void(HttpClient&, const std::string& error)>;

  // Connects at once, blocking; to loopback that takes microseconds. Throws
  // boost::system::system_error.
  HttpClient(boost::asio::io_context& context, const boost::asio::ip::tcp::endpoint& service);
  ~HttpClient();

  // After an error the client is not usable() again.
  void get(std::string_view target, Done done);
  [[nodiscard]] bool usable() const { return socket_.is_open(); }

 private:
  class Answer;
  void read_more();
  void received(std::size_t bytes);
  void finish(const std::string& error);

  boost::asio::ip::tcp::socket socket_;
  std::string request_;
  std::unique_ptr<Answer> answer_;  // of the request in flight
  std::array<char, 16384> buffer_;
  std::size_t filled_ = 0;  // of buffer_
  Done done_;
};

}  // namespace pulsed::demo::load
