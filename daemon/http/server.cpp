#include "daemon/http/server.h"

#include <fcntl.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <optional>
#include <thread>
#include <utility>

#include "daemon/http/session.h"
#include "daemon/ordinary_thread.h"

namespace pulsed::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// After an accept that failed, most likely for want of descriptors: trying again at once would
// spin.
constexpr std::chrono::milliseconds kAcceptRetry{100};

std::string where(const Options& options) {
  const bool v6 = options.host.find(':') != std::string::npos;
  return "http " + (v6 ? '[' + options.host + ']' : options.host) + ':' +
         std::to_string(options.port);
}

tcp::endpoint endpoint(const Options& options) {
  error_code ec;
  const auto address =
      asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, ec);
  if (!ec) return {address, options.port};
  throw ListenError(ListenError::Kind::kBadAddress,
                    where(options) + ": '" + options.host +
                        "' is not an IP address; use one such as 127.0.0.1 or ::1 with --http");
}

ListenError listen_error(const Options& options, const error_code& ec) {
  using Kind = ListenError::Kind;
  const std::string at = where(options) + ": ";
  if (ec == asio::error::address_in_use) {
    return {Kind::kInUse, at + "address in use; choose another with --http"};
  }
  if (ec == asio::error::access_denied) {
    return {Kind::kNotAllowed,
            at + "not allowed; ports below 1024 need CAP_NET_BIND_SERVICE, choose another with "
                 "--http"};
  }
  if (ec == boost::system::errc::address_not_available) {
    return {Kind::kNotOurs, at + "this machine has no such address; choose another with --http"};
  }
  return {Kind::kOther, at + ec.message() + "; choose another with --http"};
}

// Processes that the daemon starts must not keep its sockets open.
void close_on_exec(int fd) { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

// What is bound to one io_context, and goes with it.
struct Listener {
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer retry{io};

  void listen(const Options& options) {
    const tcp::endpoint at = endpoint(options);
    error_code ec;
    acceptor.open(at.protocol(), ec);
    if (!ec) close_on_exec(acceptor.native_handle());
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(at, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) throw listen_error(options, ec);
  }
};

}  // namespace

struct HttpServer::State {
  State(Options o, Site s) : options(std::move(o)), site(std::move(s)) {}

  void accept();
  void on_accepted(tcp::socket socket);
  void run();
  void follow_history();

  const Options options;
  const Site site;
  std::uint16_t port = 0;
  std::atomic<bool> waking{false};  // watchers are about to be told of new moments
  // Outlives the listener, whose end destroys the sessions that count themselves here.
  Sessions sessions{.options = options, .site = site};
  std::optional<Listener> listener;
  std::thread thread;
};

void HttpServer::State::accept() {
  listener->acceptor.async_accept([this](error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted) return;
    if (ec) {
      listener->retry.expires_after(kAcceptRetry);
      listener->retry.async_wait([this](error_code stopped) {
        if (!stopped) accept();
      });
      return;
    }
    // First, so that no exception can end accepting.
    accept();
    on_accepted(std::move(socket));
  });
}

void HttpServer::State::on_accepted(tcp::socket socket) {
  close_on_exec(socket.native_handle());
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (sessions.open < options.max_connections) return serve(std::move(socket), sessions);
  sessions.connections_refused.add();
  refuse(std::move(socket), sessions);
}

void HttpServer::State::run() {
  for (;;) {
    try {
      listener->io.run();
      return;
    } catch (const std::exception&) {
      // Out of memory, say: the session it happened to is gone, the others go on.
    }
  }
}

// Called by the recorder, which waits for nobody: one message at a time is on its way, and none if nobody follows.
void HttpServer::State::follow_history() {
  if (site.history == nullptr) return;
  site.history->on_append([this] {
    if (sessions.streams.count() == 0) return;
    if (waking.exchange(true, std::memory_order_acq_rel)) return;
    try {
      asio::post(listener->io, [this] {
        waking.store(false, std::memory_order_release);
        sessions.streams.wake();
      });
    } catch (...) {
      waking.store(false,
                   std::memory_order_release);  // nothing is on its way; the next moment wakes
      throw;
    }
  });
}

HttpServer::HttpServer(Options options, Site site)
    : state_(std::make_unique<State>(std::move(options), std::move(site))) {}

HttpServer::~HttpServer() { stop(); }

void HttpServer::start() {
  state_->listener.emplace();
  state_->listener->listen(state_->options);
  state_->port = state_->listener->acceptor.local_endpoint().port();
  state_->sessions.on_loopback =
      state_->listener->acceptor.local_endpoint().address().is_loopback();
  state_->accept();
  state_->follow_history();
  state_->thread = start_ordinary_thread("pulsed-http", [state = state_.get()] { state->run(); });
}

void HttpServer::stop() {
  if (!state_->listener) return;
  if (state_->site.history != nullptr) state_->site.history->on_append({});
  state_->listener->io.stop();
  if (state_->thread.joinable()) state_->thread.join();  // else start() threw
  state_->sessions.streams.close();
  state_->listener.reset();
}

std::uint16_t HttpServer::port() const { return state_->port; }

Counts HttpServer::counts() const {
  const Sessions& sessions = state_->sessions;
  return {.connections_refused = sessions.connections_refused.so_far(),
          .watchers_refused = sessions.watchers_refused.so_far(),
          .replies_refused = sessions.replies_refused.so_far(),
          .watchers = sessions.streams.count()};
}

}  // namespace pulsed::http
