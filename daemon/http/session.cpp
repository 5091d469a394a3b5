#include "daemon/http/session.h"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pulsed::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;

constexpr std::uint32_t kMaxHeaderBytes = 8 * 1024;
// More than a header, so that the parser and not a full buffer finds a header too long.
constexpr std::size_t kBufferBytes = 2 * kMaxHeaderBytes;
// What is still read from a client that must learn of an error before it has sent everything:
// closing with unread bytes would reset the connection and take the reply with it.
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr std::size_t kMaxLingerBytes = 8u << 20;

std::string_view view(boost::string_view s) { return {s.data(), s.size()}; }

boost::string_view boost_view(std::string_view s) { return {s.data(), s.size()}; }

// Counts itself into a number for as long as it lives.
class Counted {
 public:
  Counted(std::size_t& count, std::size_t by) : count_(count), by_(by) { count_ += by_; }
  ~Counted() { count_ -= by_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
  std::size_t by_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(asio::ip::tcp::socket socket, Sessions& sessions, std::size_t& counter)
      : sessions_(sessions), counted_(counter, 1), stream_(std::move(socket)) {}

  void read_header() {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    // Bodies of any length are refused in on_header. In Boost 1.74 boost::none means no body here.
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    stream_.expires_after(sessions_.options.header_timeout);
    bhttp::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code ec, std::size_t) { self->on_header(ec); });
  }

  // Answers what never became a request; the connection closes.
  void send_error(unsigned status, std::string text) {
    constexpr unsigned kHttp11 = 11;
    keep_alive_ = false;
    send(make_response(plain(status, std::move(text)), kHttp11));
  }

 private:
  using Response = bhttp::response<bhttp::string_body>;

  void on_header(error_code ec);
  void on_no_request(error_code ec);
  Response make_response(Reply reply, unsigned version) const;
  void send(Response response);
  void on_sent(error_code ec);
  void wait_for_request();
  void linger();
  void drain();

  Sessions& sessions_;
  Counted counted_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kBufferBytes};
  std::optional<bhttp::request_parser<bhttp::empty_body>> parser_;
  bool keep_alive_ = false;  // after the reply
  std::optional<Response> response_;
  std::optional<Counted> unsent_;
  std::size_t lingered_bytes_ = 0;
};

std::string accept_encoding(const bhttp::fields& fields) {
  std::string joined;
  const auto [first, last] = fields.equal_range(bhttp::field::accept_encoding);
  for (auto field = first; field != last; ++field) {
    joined += view(field->value());
    joined += ',';
  }
  return joined;
}

void Session::on_header(error_code ec) {
  if (ec) return on_no_request(ec);
  const auto& request = parser_->get();
  const bool is_head = request.method() == bhttp::verb::head;
  const bool reads = is_head || request.method() == bhttp::verb::get;
  const bool has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
  // A body is never read, so nothing can follow it.
  keep_alive_ = request.keep_alive() && !has_body;

  Reply reply;
  if (reads && has_body) {
    reply = plain(413, "a request with a body is refused\n");
  } else {
    const std::string encodings = accept_encoding(request);
    reply = answer(sessions_.site, {.method = view(request.method_string()),
                                    .target = view(request.target()),
                                    .accept_encoding = encodings});
  }
  if (sessions_.unsent_bytes + reply.body.size() > sessions_.options.max_unsent_bytes) {
    reply = plain(503, "too many replies wait to be read; try again\n");
  }
  Response response = make_response(std::move(reply), request.version());
  if (is_head) response.body().clear();
  send(std::move(response));
}

void Session::on_no_request(error_code ec) {
  if (ec == bhttp::error::end_of_stream || ec == bhttp::error::partial_message) return;
  if (ec == bhttp::error::header_limit || ec == bhttp::error::buffer_overflow) {
    return send_error(431, "the request's headers are longer than " +
                               std::to_string(kMaxHeaderBytes) + " bytes\n");
  }
  const error_code of_http = bhttp::error::bad_method;
  if (ec.category() != of_http.category()) return;  // timed out, or the peer is gone
  send_error(400, "malformed request: " + ec.message() + "\n");
}

Session::Response Session::make_response(Reply reply, unsigned version) const {
  Response response(bhttp::int_to_status(reply.status), version);
  response.set(bhttp::field::server, "pulsed");
  response.set(bhttp::field::content_type, boost_view(reply.content_type));
  response.set(bhttp::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (reply.gzip) response.set(bhttp::field::content_encoding, "gzip");
  if (reply.varies) response.set(bhttp::field::vary, "Accept-Encoding");
  if (!reply.allow.empty()) response.set(bhttp::field::allow, boost_view(reply.allow));
  response.keep_alive(keep_alive_);
  response.content_length(reply.body.size());
  response.body() = std::move(reply.body);
  return response;
}

void Session::send(Response response) {
  unsent_.emplace(sessions_.unsent_bytes, response.body().size());
  response_.emplace(std::move(response));
  stream_.expires_after(sessions_.options.write_timeout);
  bhttp::async_write(stream_, *response_, [self = shared_from_this()](error_code ec, std::size_t) {
    self->on_sent(ec);
  });
}

void Session::on_sent(error_code ec) {
  unsent_.reset();
  response_.reset();
  if (ec) return;
  if (!keep_alive_) return linger();
  if (buffer_.size() > 0) return read_header();  // pipelined
  wait_for_request();
}

// Between requests there is more time than within one.
void Session::wait_for_request() {
  stream_.expires_after(sessions_.options.idle_timeout);
  stream_.async_read_some(buffer_.prepare(kBufferBytes),
                          [self = shared_from_this()](error_code ec, std::size_t bytes) {
                            if (ec) return;
                            self->buffer_.commit(bytes);
                            self->read_header();
                          });
}

void Session::linger() {
  error_code ec;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ec);
  stream_.expires_after(kLinger);
  drain();
}

void Session::drain() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kBufferBytes),
                          [self = shared_from_this()](error_code ec, std::size_t bytes) {
                            self->lingered_bytes_ += bytes;
                            if (!ec && self->lingered_bytes_ < kMaxLingerBytes) self->drain();
                          });
}

}  // namespace

void serve(asio::ip::tcp::socket socket, Sessions& sessions) {
  std::make_shared<Session>(std::move(socket), sessions, sessions.open)->read_header();
}

void refuse(asio::ip::tcp::socket socket, Sessions& sessions) {
  if (sessions.refusing >= sessions.options.max_connections) return;  // closes without a word
  std::make_shared<Session>(std::move(socket), sessions, sessions.refusing)
      ->send_error(503, "too many connections; try again\n");
}

}  // namespace pulsed::http
