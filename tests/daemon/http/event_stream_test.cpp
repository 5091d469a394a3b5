// Who follows /events: what each is sent, and that nobody holds up anybody.
#include "daemon/http/event_stream.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/daemon/http/fixture.h"

namespace pulsed::http {
namespace {

constexpr std::size_t kMegabyte = 1'000'000;

std::string event(const Served& served, int number, std::string_view data) {
  return "id: " + served.history.epoch() + '-' + std::to_string(number) +
         "\nevent: moment\ndata: " + std::string(data) + "\n\n";
}

// A server whose history keeps so many moments.
Served with_few_moments(std::size_t moments, Options options = loopback()) {
  return {std::move(options),
          [](const Snapshot&) { return std::string("metrics\n"); },
          {},
          {.moments = moments, .bytes = 1000 * kMegabyte}};
}

Client watcher(const Served& served) {
  Client client = served.client();
  REQUIRE(client.watch().status == 200);
  return client;
}

TEST_CASE("a watcher is sent what is kept, oldest first, and then what comes") {
  Served served;
  served.history.append("{\"t\":1}");
  served.history.append("{\"t\":2}");
  Client client = served.client();
  const Response r = client.watch();
  CHECK(r.headers.at("content-type") == "text/event-stream");
  CHECK(r.headers.at("cache-control") == "no-store");
  CHECK(r.headers.count("content-length") == 0);
  CHECK(r.body == "retry: 1000\n\n");
  CHECK(client.receive_event() == event(served, 1, "{\"t\":1}"));
  CHECK(client.receive_event() == event(served, 2, "{\"t\":2}"));
  served.history.append("{\"t\":3}");
  CHECK(client.receive_event() == event(served, 3, "{\"t\":3}"));
}

TEST_CASE("a watcher that comes back is sent what it has not seen") {
  Served served;
  for (int i = 1; i <= 40; ++i) served.history.append(std::to_string(i));
  const auto first_after = [&](const std::string& id) {
    Client client = served.client();
    CHECK(client.watch("Last-Event-ID: " + id + "\r\n").status == 200);
    return client.receive_event();
  };
  const std::string& epoch = served.history.epoch();
  CHECK(first_after(epoch + "-39") == event(served, 40, "40"));
  CHECK(first_after(epoch + "-0") == event(served, 1, "1"));
  for (const char* id : {"0123456789abcdef-39", "nonsense", "-", ""})
    CHECK(first_after(id) == event(served, 1, "1"));
  CHECK(first_after(epoch + "-41") == event(served, 1, "1"));
}

TEST_CASE("HEAD of events is answered with the header alone") {
  const Served served;
  Client client = served.client();
  client.send("HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Response r = client.receive(true);
  CHECK(r.status == 200);
  CHECK(r.headers.at("content-type") == "text/event-stream");
  CHECK(client.closed());
}

TEST_CASE("a watcher over the cap is told when to come again, and fits in when another has gone") {
  Options options = loopback();
  options.max_watchers = 2;
  options.max_connections = 1;  // watchers take none of these
  Served served(options);
  Client first = watcher(served);
  std::optional<Client> second(watcher(served));
  {
    Client third = served.client();
    const Response r = third.watch();
    CHECK(r.status == 503);
    CHECK(r.headers.at("retry-after") == "5");
    CHECK(served.server.counts().watchers_refused == 1);
    CHECK(served.server.counts().connections_refused == 0);  // no scrape was lost
    CHECK(served.server.counts().watchers == 2);
  }
  second.reset();
  unsigned status = 503;
  // The server learns of the closed connection as it sends it something.
  for (int i = 0; i < 10'000 && status == 503; ++i) {
    served.history.append("{}");
    status = served.client().watch().status;
  }
  CHECK(status == 200);
  CHECK(first.receive_event() == event(served, 1, "{}"));
}

// Neither the server's thread nor who appends ever waits for a watcher: were it so, these tests would not end.
TEST_CASE("watchers that never read hold up neither scrapes nor other watchers") {
  Served served = with_few_moments(20);
  std::vector<Client> deaf;
  for (int i = 0; i < 20; ++i) deaf.push_back(watcher(served));
  Client reader = watcher(served);
  const std::string moment(kMegabyte, 'x');
  for (int i = 1; i <= 30; ++i) {
    served.history.append(moment);
    CHECK(reader.receive_event() == event(served, i, moment));
    CHECK(served.scrape() == 200);
  }
}

TEST_CASE("a watcher that falls behind all that is kept is closed") {
  Served served = with_few_moments(3);
  // More than the kernel takes for a client that does not read.
  const std::string moment(8 * kMegabyte, 'x');
  for (int i = 0; i < 3; ++i) served.history.append(moment);
  Client slow = watcher(served);
  slow.wait_for_bytes();  // three moments are on their way
  for (int i = 0; i < 4; ++i) served.history.append("{}");
  const std::string rest = slow.receive_rest();
  CHECK(rest.find(event(served, 3, moment)) != std::string::npos);
  CHECK(rest.find("-4\n") == std::string::npos);
  // It comes back and misses what is gone.
  Client again = served.client();
  again.watch("Last-Event-ID: " + served.history.epoch() + "-3\r\n");
  CHECK(again.receive_event() == event(served, 5, "{}"));
}

TEST_CASE("a watcher that takes too long to read is closed") {
  Options options = loopback();
  options.write_timeout = std::chrono::milliseconds{50};
  options.max_watchers = 1;
  Served served = with_few_moments(3, options);
  const std::string moment(8 * kMegabyte, 'x');
  for (int i = 0; i < 3; ++i) served.history.append(moment);
  Client deaf = watcher(served);
  unsigned status = 503;
  for (int i = 0; i < 10'000 && status == 503; ++i) status = served.client().watch().status;
  CHECK(status == 200);  // its place is free
  CHECK(deaf.receive_rest().size() < 3 * moment.size());
}

TEST_CASE("a watcher that is refused for want of room is sent no events") {
  Options options = loopback();
  options.max_unsent_bytes = 12;  // fewer than events begin with, enough for "ready"
  Served served(options);
  served.history.append("{}");
  Client client = served.client();
  const Response r = client.get("/events");
  CHECK(r.status == 503);
  CHECK(r.headers.at("retry-after") == "5");
  const Response next = client.get("/-/ready");  // it would be read from the midst of events
  CHECK(next.status == 200);
  CHECK(next.body == "ready\n");
  CHECK(served.server.counts().watchers == 0);
  CHECK(served.server.counts().replies_refused == 1);
}

TEST_CASE("a watcher that says it sends no more is sent what comes all the same") {
  Served served;
  Client client = watcher(served);
  client.send_no_more();
  for (int i = 1; i <= 3; ++i) {
    served.history.append("{}");
    CHECK(client.receive_event() == event(served, i, "{}"));
  }
}

TEST_CASE("what a watcher sends after its request is not read and harms nobody") {
  Served served;
  Client client = watcher(served);
  client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  served.history.append("{}");
  CHECK(client.receive_event() == event(served, 1, "{}"));
}

TEST_CASE("stopping ends all watchers at once, those that do not read too") {
  std::optional<Served> served(std::in_place, loopback());
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(watcher(*served));
  Client deaf = watcher(*served);
  served->history.append(std::string(10 * kMegabyte, 'x'));
  for (Client& client : clients) client.receive_event();
  served->server.stop();
  for (Client& client : clients) CHECK(client.closed());
  CHECK(deaf.receive_rest().size() < 10 * kMegabyte);
  served->history.append("{}");  // nobody is told
}

}  // namespace
}  // namespace pulsed::http
