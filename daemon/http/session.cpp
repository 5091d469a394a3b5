#include "daemon/http/session.h"

#include <array>
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

#include "daemon/http/host.h"

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
constexpr char kRetryAfterSeconds[] = "5";

// The page needs nothing from elsewhere, and nothing elsewhere may frame it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSecurity{{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
}};

std::string_view view(boost::string_view s) { return {s.data(), s.size()}; }

boost::string_view boost_view(std::string_view s) { return {s.data(), s.size()}; }

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
  Reply reply_to(const bhttp::request<bhttp::empty_body>& request) const;
  Reply watch(Reply reply);
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
  std::optional<Counted> watching_;  // what is sent is the begin of events
  std::uint64_t wanted_ = 0;         // then
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

  Reply reply =
      reads && has_body ? plain(413, "a request with a body is refused\n") : reply_to(request);
  if (sessions_.unsent_bytes + reply.body.size() > sessions_.options.max_unsent_bytes) {
    reply = plain(503, "too many replies wait to be read; try again\n");
    reply.retry_later = true;
    sessions_.replies_refused.add();
  }
  if (reply.events && !is_head) reply = watch(std::move(reply));
  // The end of events is the connection's.
  keep_alive_ = keep_alive_ && !reply.events;
  Response response = make_response(std::move(reply), request.version());
  if (is_head) response.body().clear();
  send(std::move(response));
}

Reply Session::reply_to(const bhttp::request<bhttp::empty_body>& request) const {
  if (sessions_.on_loopback && !names_no_site(view(request[bhttp::field::host]))) {
    return plain(421,
                 "on loopback only localhost and IP addresses are answered, as a site's name may "
                 "lead here unasked; have a proxy send Host: localhost\n");
  }
  const std::string encodings = accept_encoding(request);
  return answer(sessions_.site, {.method = view(request.method_string()),
                                 .target = view(request.target()),
                                 .accept_encoding = encodings,
                                 .if_none_match = view(request[bhttp::field::if_none_match]),
                                 .last_event_id = view(request["Last-Event-ID"])});
}

Reply Session::watch(Reply reply) {
  if (sessions_.watchers >= sessions_.options.max_watchers) {
    Reply refusal = plain(503, "too many watch already; try again\n");
    refusal.retry_later = true;
    sessions_.watchers_refused.add();
    return refusal;
  }
  watching_.emplace(sessions_.watchers, 1);
  wanted_ = *reply.events;
  return reply;
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
  response.set(bhttp::field::cache_control, boost_view(reply.cache_control));
  for (const auto& [name, value] : kSecurity) response.set(boost_view(name), boost_view(value));
  if (reply.gzip) response.set(bhttp::field::content_encoding, "gzip");
  if (reply.varies) response.set(bhttp::field::vary, "Accept-Encoding");
  if (!reply.allow.empty()) response.set(bhttp::field::allow, boost_view(reply.allow));
  if (!reply.etag.empty()) response.set(bhttp::field::etag, boost_view(reply.etag));
  if (reply.retry_later) response.set(bhttp::field::retry_after, kRetryAfterSeconds);
  response.keep_alive(keep_alive_);
  // A 304 has none: its length would be that of the reply that it stands for.
  const bool has_length = !reply.events && reply.status != 304;
  if (has_length) response.content_length(reply.body.size());
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
  if (watching_)
    return sessions_.streams.add(stream_.release_socket(), wanted_, std::move(*watching_));
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
