// One HTTP/1.1 connection: reads requests, answers them one after the other, keeps alive.
#pragma once

#include <utility>  // Boost.Asio 1.74 needs it and does not include it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "deploy/demo/service.h"
#include "deploy/demo/tasks.h"

namespace pulsed::demo {

// Runs until the peer closes, sends what is no request, or is silent for too long. To be spawned on
// `task`'s executor. `service` and `context` outlive it.
[[nodiscard]] boost::asio::awaitable<void> serve_connection(boost::asio::io_context& context,
                                                            Service& service,
                                                            boost::asio::ip::tcp::socket socket,
                                                            ServedTask task);

}  // namespace pulsed::demo
