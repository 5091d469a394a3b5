#include "deploy/demo/load/http_client.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>

namespace pulsed::demo::load {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

}  // namespace

class HttpClient::Answer {
 public:
  Answer() {
    parser.eager(true);
    parser.body_limit(1 << 20);
  }
  http::response_parser<http::string_body> parser;
};

HttpClient::HttpClient(asio::io_context& context, const tcp::endpoint& service) : socket_(context) {
  socket_.connect(service);
  socket_.set_option(tcp::no_delay(true));
}

HttpClient::~HttpClient() = default;

void HttpClient::get(std::string_view target, Done done) {
  done_ = std::move(done);
  answer_ = std::make_unique<Answer>();
  request_.assign("GET ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n\r\n");
  boost::system::error_code error;
  asio::write(socket_, asio::buffer(request_), error);  // fits any socket buffer
  if (error) {
    asio::post(socket_.get_executor(), [this, error] { finish("sending: " + error.message()); });
  } else {
    read_more();
  }
}

void HttpClient::read_more() {
  socket_.async_read_some(asio::buffer(buffer_.data() + filled_, buffer_.size() - filled_),
                          [this](const boost::system::error_code& error, std::size_t bytes) {
                            if (error) {
                              finish("receiving: " + error.message());
                            } else {
                              received(bytes);
                            }
                          });
}

void HttpClient::received(std::size_t bytes) {
  filled_ += bytes;
  boost::system::error_code error;
  std::size_t used = 0;
  while (!error && used < filled_ && !answer_->parser.is_done()) {
    used += answer_->parser.put(asio::buffer(buffer_.data() + used, filled_ - used), error);
  }
  // What the parser leaves it wants to see again with more behind it.
  std::copy(buffer_.begin() + used, buffer_.begin() + filled_, buffer_.begin());
  filled_ -= used;
  if (error && error != http::error::need_more)
    return finish("the answer is no HTTP: " + error.message());
  if (!answer_->parser.is_done()) return read_more();
  const unsigned status = answer_->parser.get().result_int();
  finish(status == 200 ? "" : "HTTP status " + std::to_string(status));
}

void HttpClient::finish(const std::string& error) {
  boost::system::error_code ignored;
  if (!error.empty()) socket_.close(ignored);
  const Done done = std::exchange(done_, nullptr);
  if (done) done(*this, error);
}

}  // namespace pulsed::demo::load
