#include "deploy/demo/connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <optional>
#include <string>

#include "deploy/demo/report_work.h"
#include "deploy/demo/routes.h"

namespace pulsed::demo {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Parser = http::request_parser<http::empty_body>;
using Response = http::response<http::string_body>;

struct Answer {
  http::status status;
  std::string body;
};

std::string answer_lookup(Service& service, const ServedTask& task, const std::string& word) {
  const LightPolls::Scope light(service.light_polls, task.isolated());
  service.served.lookups.fetch_add(1, std::memory_order_relaxed);
  return lookup_json(word, service.index.lookup(word));
}

std::string answer_price(Service& service, const ServedTask& task, const std::string& word) {
  const LightPolls::Scope light(service.light_polls, task.isolated());
  service.served.prices.fetch_add(1, std::memory_order_relaxed);
  return price_json(word, service.prices.price(word));
}

asio::awaitable<std::string> answer_report(Service& service) {
  ReportWork work(service.text, service.report_steps);
  while (!work.done()) {
    work.step();
    if (asked_to_yield()) co_await yield();
  }
  service.served.reports.fetch_add(1, std::memory_order_relaxed);
  co_return report_json(work.result());
}

// The same work by somebody who never thought of others.
std::string answer_export(Service& service) {
  ReportWork work(service.text, service.report_steps);
  while (!work.done()) work.step();
  service.served.exports.fetch_add(1, std::memory_order_relaxed);
  return report_json(work.result());
}

std::string answer_restock(Service& service) {
  const RestockResult result = service.prices.restock(service.text, service.report_steps);
  service.served.restocks.fetch_add(1, std::memory_order_relaxed);
  return restock_json(result);
}

std::string answer_stats(const Service& service) {
  const Served& served = service.served;
  return stats_json({served.lookups, served.prices, served.reports, served.exports, served.restocks,
                     served.refused, service.light_polls.demoted(),
                     service.light_polls.begun_demoted(), service.light_polls.isolated()});
}

TaskKind kind_of(Route route) {
  switch (route) {
    case Route::kLookup:
      return TaskKind::kLookup;
    case Route::kPrice:
      return TaskKind::kPrice;
    case Route::kReport:
      return TaskKind::kReport;
    case Route::kExport:
      return TaskKind::kExport;
    case Route::kRestock:
      return TaskKind::kRestock;
    default:
      return TaskKind::kConnection;
  }
}

asio::awaitable<std::string> answer_route(Service& service, const ServedTask& task, Target target) {
  switch (target.route) {
    case Route::kLookup:
      co_return answer_lookup(service, task, target.word);
    case Route::kPrice:
      co_return answer_price(service, task, target.word);
    case Route::kExport:
      co_return answer_export(service);
    case Route::kRestock:
      co_return answer_restock(service);
    default:
      co_return co_await answer_report(service);
  }
}

// On the connection's own task, or on a fresh one that it waits for.
asio::awaitable<std::string> answer_as_task(asio::io_context& context, Service& service,
                                            ServedTask& connection, Target target) {
  const TaskKind kind = kind_of(target.route);
  if (service.task_per == TaskPer::kConnection) {
    connection.become(kind);
    co_return co_await answer_route(service, connection, std::move(target));
  }
  const ServedTask fresh = service.tasks.open(context, kind);
  co_return co_await asio::co_spawn(
      fresh.executor(), answer_route(service, fresh, std::move(target)), asio::use_awaitable);
}

Answer refuse(Service& service, http::status status, std::string_view why) {
  service.served.refused.fetch_add(1, std::memory_order_relaxed);
  return {status, error_json(why)};
}

asio::awaitable<Answer> answer_request(asio::io_context& context, Service& service,
                                       ServedTask& connection, const Parser::value_type& request) {
  if (request.method() != http::verb::get) {
    Answer refusal = refuse(service, http::status::method_not_allowed, "only GET is served");
    if (request.method() == http::verb::head)
      refusal.body.clear();  // nothing may follow the head of such an answer
    co_return refusal;
  }
  Target target = parse_target({request.target().data(), request.target().size()});
  if (target.route == Route::kBadRequest)
    co_return refuse(service, http::status::bad_request, target.error);
  if (target.route == Route::kUnknown)
    co_return refuse(service, http::status::not_found, target.error);
  if (target.route == Route::kStats) co_return Answer{http::status::ok, answer_stats(service)};
  std::string body = co_await answer_as_task(context, service, connection, std::move(target));
  co_return Answer{http::status::ok, std::move(body)};
}

Response response_of(Answer answer, bool keep_alive) {
  Response response{answer.status, 11};
  response.set(http::field::content_type, "application/json");
  if (answer.status == http::status::method_not_allowed) response.set(http::field::allow, "GET");
  response.body() = std::move(answer.body);
  response.keep_alive(keep_alive);
  response.prepare_payload();
  return response;
}

// What to tell a peer that sent no acceptable request; none if there is nobody to tell.
std::optional<Answer> answer_to_bad_read(Service& service, const beast::error_code& error) {
  if (error == http::error::header_limit) {
    return refuse(service, http::status::request_header_fields_too_large,
                  "the request head is too large");
  }
  if (error == http::error::body_limit) {
    return refuse(service, http::status::payload_too_large, "a request must not have a body");
  }
  const bool ours = error.category() == make_error_code(http::error::bad_method).category();
  if (!ours || error == http::error::end_of_stream || error == http::error::partial_message)
    return std::nullopt;
  return refuse(service, http::status::bad_request,
                "this is no HTTP/1.1 request: " + error.message());
}

// False when the connection is to be closed.
asio::awaitable<bool> serve_one(asio::io_context& context, Service& service,
                                asio::ip::tcp::socket& socket, ConnectionRegistry::Entry& peer,
                                beast::flat_buffer& buffer, ServedTask& task) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(service.limits.request_head_bytes));
  parser.body_limit(0);
  beast::error_code error;
  peer.expect_within(service.limits.idle_timeout);
  co_await http::async_read(socket, buffer, parser,
                            asio::redirect_error(asio::use_awaitable, error));
  peer.expect_nothing();
  std::optional<Answer> answer;
  if (error) {
    answer = answer_to_bad_read(service, error);
    if (!answer) co_return false;
  } else {
    answer = co_await answer_request(context, service, task, parser.get());
  }
  const bool keep_alive = !error && parser.keep_alive();
  const Response response = response_of(std::move(*answer), keep_alive);
  peer.expect_within(service.limits.write_timeout);
  co_await http::async_write(socket, response, asio::redirect_error(asio::use_awaitable, error));
  co_return keep_alive && !error;
}

}  // namespace

asio::awaitable<void> serve_connection(asio::io_context& context, Service& service,
                                       asio::ip::tcp::socket socket, ServedTask task) {
  beast::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  ConnectionRegistry::Entry peer(service.connections, socket.native_handle());
  beast::flat_buffer buffer(service.limits.request_head_bytes * 2);
  while (co_await serve_one(context, service, socket, peer, buffer, task)) {
  }
  socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

}  // namespace pulsed::demo
