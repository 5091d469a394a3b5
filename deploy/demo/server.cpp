#include "deploy/demo/server.h"

#include <sys/socket.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "deploy/demo/connection.h"

namespace pulsed::demo {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::seconds kSweepEvery{1};
constexpr std::chrono::seconds kLongestStop{2};
constexpr std::chrono::milliseconds kDrainCheckEvery{10};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::size_t kMaxAcceptedAtOnce = 64;

}  // namespace

Server::Server(Service& service, std::uint16_t port, unsigned threads)
    : service_(service),
      threads_(threads),
      context_(static_cast<int>(threads)),
      acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), port)),
      control_(context_.get_executor()),
      signals_(control_, SIGTERM, SIGINT),
      timer_(control_) {}

void Server::run() {
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) stop();
  });
  sweep();
  const ServedTask accepting = service_.tasks.open(context_, TaskKind::kAccept);
  asio::co_spawn(accepting.executor(), accept_loop(), asio::detached);
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < threads_; ++i) {
    workers.emplace_back([this] { context_.run(); });
  }
  workers.clear();  // joins them
  wait_for_tasks(context_);
}

asio::awaitable<void> Server::accept_loop() {
  acceptor_.non_blocking(true);
  while (!stopping_) {
    boost::system::error_code error;
    tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    // All that came meanwhile as well: behind long polls, one in each turn would take seconds.
    for (std::size_t accepted = 1; !error; ++accepted) {
      start_connection(std::move(socket));
      if (accepted == kMaxAcceptedAtOnce) break;
      socket = acceptor_.accept(error);
    }
    if (error && error != asio::error::would_block && !stopping_) {
      // Out of descriptors, most likely: it passes when connections close.
      asio::steady_timer pause(context_, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }
}

void Server::start_connection(tcp::socket socket) {
  if (service_.connections.size() >= service_.limits.connections) {
    service_.served.refused.fetch_add(1, std::memory_order_relaxed);
    return;  // closes it
  }
  ServedTask task = service_.tasks.open(context_, TaskKind::kConnection);
  const asio::any_io_executor executor = task.executor();
  asio::co_spawn(executor, serve_connection(context_, service_, std::move(socket), std::move(task)),
                 asio::detached);
}

void Server::sweep() {
  timer_.expires_after(kSweepEvery);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    service_.connections.shut_down_expired(Clock::now());
    sweep();
  });
}

void Server::stop() {
  stopping_ = true;
  // Ends the accept in flight. The acceptor itself may be in use on another thread, so it is not
  // closed here.
  ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
  service_.connections.stop_reading();
  leave_when_drained(Clock::now() + kLongestStop);
}

void Server::leave_when_drained(Clock::time_point latest) {
  if (service_.connections.size() == 0 || Clock::now() > latest) return context_.stop();
  timer_.expires_after(kDrainCheckEvery);
  timer_.async_wait([this, latest](const boost::system::error_code& error) {
    if (!error) leave_when_drained(latest);
  });
}

}  // namespace pulsed::demo
