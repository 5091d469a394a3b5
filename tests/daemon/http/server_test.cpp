// Many connections at once, the bounds on them, and how a server begins and ends.
#include "daemon/http/server.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics/exposition.h"
#include "tests/daemon/http/fixture.h"

namespace pulsed::http {
namespace {

std::vector<Client> connect(const Served& served, std::size_t count) {
  std::vector<Client> clients;
  clients.reserve(count);
  for (std::size_t i = 0; i < count; ++i) clients.push_back(served.client());
  return clients;
}

// In these tests no deadline of the server passes, so that a scrape which had to wait for another
// connection would wait until the client gives up.
TEST_CASE("50 idle connections do not hold up a scrape") {
  const Served served;
  std::vector<Client> silent = connect(served, 50);
  std::vector<Client> kept = connect(served, 50);
  for (Client& client : kept) CHECK(client.get("/-/ready").status == 200);
  CHECK(served.scrape() == 200);
  for (Client& client : silent) CHECK(client.get("/metrics").status == 200);
  for (Client& client : kept) CHECK(client.get("/metrics").status == 200);
}

TEST_CASE("50 connections that send byte by byte do not hold up scrapes") {
  const Served served;
  std::vector<Client> slow = connect(served, 50);
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const char c : request) {
    for (Client& client : slow) client.send({&c, 1});
    CHECK(served.scrape() == 200);
  }
  for (Client& client : slow) CHECK(client.receive().status == 200);
}

TEST_CASE("connections that do not read their replies do not hold up a scrape") {
  const Served served(loopback(), std::string(4'000'000, 'x'));
  std::vector<Client> deaf = connect(served, 20);
  for (Client& client : deaf) {
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.wait_for_bytes();
  }
  CHECK(served.scrape() == 200);
  for (Client& client : deaf) CHECK(client.receive().body.size() == 4'000'000);
}

TEST_CASE("headers that do not come in time end the connection") {
  Options options = loopback();
  options.header_timeout = std::chrono::milliseconds{20};
  const Served served(options);
  Client silent = served.client();
  Client begun = served.client();
  begun.send("GET /metrics HTTP/1.1\r\nHost:");
  CHECK(silent.closed());
  CHECK(begun.closed());
}

TEST_CASE("a kept connection that stays idle is ended") {
  Options options = loopback();
  options.idle_timeout = std::chrono::milliseconds{20};
  const Served served(options);
  Client client = served.client();
  CHECK(client.get("/metrics").status == 200);
  CHECK(client.closed());
}

TEST_CASE("a connection over the cap is told 503, counted, and fits in when another has gone") {
  Options options = loopback();
  options.max_connections = 3;
  const Served served(options);
  std::vector<Client> open = connect(served, 3);
  for (Client& client : open) CHECK(client.get("/metrics").status == 200);
  CHECK(served.server.counts().connections_refused == 0);
  {
    Client over = served.client();
    const Response r = over.receive();
    CHECK(r.status == 503);
    CHECK(r.body == "too many connections; try again\n");
    CHECK(over.closed());
  }
  CHECK(served.server.counts().connections_refused == 1);
  open.pop_back();
  unsigned status = 503;
  // The server learns of the closed connection a moment later.
  for (int i = 0; i < 10'000 && status == 503; ++i) status = served.client().get("/metrics").status;
  CHECK(status == 200);
  CHECK(open[0].get("/metrics").status == 200);
}

TEST_CASE("replies that nobody reads are bounded and small ones still pass") {
  Options options = loopback();
  options.max_unsent_bytes = 70'000'000;
  const Served served(options, std::string(64'000'000, 'x'));
  std::optional<Client> deaf(served.client());
  deaf->send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  deaf->wait_for_bytes();
  CHECK(served.client().get("/metrics").status == 503);
  CHECK(served.server.counts().replies_refused == 1);
  CHECK(served.client().get("/-/ready").status == 200);
  deaf.reset();
  unsigned status = 503;
  for (int i = 0; i < 10'000 && status == 503; ++i) status = served.client().get("/metrics").status;
  CHECK(status == 200);
}

TEST_CASE("1000 classes are served whole") {
  Snapshot s;
  for (int i = 0; i < 1000; ++i) {
    s.classes.push_back({.service = "checkout", .task_class = "checkout/" + std::to_string(i)});
  }
  const auto render = [](const Snapshot& of) { return metrics::render(of, {}); };
  const std::string text = render(s);
  const Served served(loopback(), render, s);
  CHECK(served.client().get("/metrics").body == text);
}

TEST_CASE("a port in use is said with what to do") {
  const Served first;
  const std::uint16_t port = first.server.port();
  FakeSource source;
  HttpServer second({.port = port}, {.source = source, .render = {}, .ready = {}});
  try {
    second.start();
    FAIL("it started");
  } catch (const ListenError& e) {
    CHECK(e.kind() == ListenError::Kind::kInUse);
    CHECK(e.what() == "http 127.0.0.1:" + std::to_string(port) +
                          ": address in use; choose another with --http");
  }
  second.stop();
  CHECK(first.scrape() == 200);
}

TEST_CASE("an address that cannot be is said with what to do") {
  using Kind = ListenError::Kind;
  struct Case {
    std::string host;
    Kind kind;
    std::string what;
  };
  FakeSource source;
  for (const Case& c :
       {Case{"example.org", Kind::kBadAddress,
             "http example.org:0: 'example.org' is not an IP address; use one such as 127.0.0.1 or "
             "::1 with --http"},
        Case{"", Kind::kBadAddress,
             "http :0: '' is not an IP address; use one such as 127.0.0.1 or ::1 with --http"},
        Case{"192.0.2.1", Kind::kNotOurs,
             "http 192.0.2.1:0: this machine has no such address; choose another with --http"}}) {
    HttpServer server({.host = c.host, .port = 0}, {.source = source, .render = {}, .ready = {}});
    try {
      server.start();
      FAIL("it started");
    } catch (const ListenError& e) {
      CHECK(e.kind() == c.kind);
      CHECK(e.what() == c.what);
    }
  }
}

TEST_CASE("localhost is an address") {
  Options options = loopback();
  options.host = "localhost";
  CHECK(Served(options).scrape() == 200);
}

TEST_CASE("stopping ends open connections and frees the port") {
  std::optional<Served> served(std::in_place, loopback(), std::string(64'000'000, 'x'));
  const std::uint16_t port = served->server.port();
  std::vector<Client> clients = connect(*served, 60);
  for (std::size_t i = 0; i < 20; ++i) CHECK(clients[i].get("/-/ready").status == 200);
  for (std::size_t i = 20; i < 40; ++i) clients[i].send("GET /metr");
  Client deaf = served->client();
  deaf.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  deaf.wait_for_bytes();

  served->server.stop();
  for (Client& client : clients) CHECK(client.closed());
  CHECK_FALSE(Client(port).connected());
  served->server.stop();
  Options again = loopback();
  again.port = port;
  CHECK(Served(again).scrape() == 200);
}

TEST_CASE("a server that never started stops without a word") {
  FakeSource source;
  HttpServer server({.port = 0}, {.source = source, .render = {}, .ready = {}});
  server.stop();
  CHECK(server.port() == 0);
}

}  // namespace
}  // namespace pulsed::http
