// What one connection says and hears.
#include "daemon/http/session.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics/exposition.h"
#include "tests/daemon/http/fixture.h"
#include "tests/daemon/http/gunzip.h"

namespace pulsed::http {
namespace {

using namespace std::string_literals;

TEST_CASE("a scrape is answered with its type, its length and the text") {
  const Served served;
  const Response r = served.client().get("/metrics");
  CHECK(r.status == 200);
  CHECK(r.headers.at("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(r.headers.at("content-length") == "13");
  CHECK(r.headers.at("vary") == "Accept-Encoding");
  CHECK(r.headers.count("content-encoding") == 0);
  CHECK(r.body == "some metrics\n");
}

TEST_CASE("HEAD is answered with the headers of GET and no body") {
  const Served served;
  for (const std::string_view target : {"/metrics", "/", "/-/healthy", "/-/ready", "/nothing"}) {
    for (const std::string_view headers : {"", "Accept-Encoding: gzip\r\n"}) {
      CAPTURE(target);
      Client client = served.client();
      const Response got = client.get(target, headers);
      client.send("HEAD " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
                  std::string(headers) + "\r\n");
      CHECK(client.receive(true).head == got.head);
      // Were there a body, it would be read as the next response.
      CHECK(client.get("/-/ready").body == "ready\n");
    }
  }
}

TEST_CASE("every reply keeps browsers within the page's own origin") {
  const Served served;
  const auto check = [](const Response& r) {
    CHECK(r.headers.at("content-security-policy")
              .starts_with("default-src 'none'; script-src 'self'"));
    CHECK(r.headers.at("content-security-policy").find("data:") == std::string::npos);
    CHECK(r.headers.at("x-content-type-options") == "nosniff");
    CHECK(r.headers.at("referrer-policy") == "no-referrer");
    CHECK(r.headers.at("cross-origin-resource-policy") == "same-origin");
  };
  for (const std::string_view target :
       {"/", "/page.js", "/metrics", "/status.json", "/-/healthy", "/-/ready", "/nothing"})
    check(served.client().get(target));
  check(served.client().watch());
  for (const std::string& request :
       {"BREW / HTTP/1.1\r\n\r\n"s, "nonsense\r\n\r\n"s, "GET /" + std::string(9000, 'x')}) {
    Client client = served.client();
    client.send(request);
    check(client.receive());
  }
}

TEST_CASE("a file that has not changed costs no body, and the connection goes on") {
  const Served served;
  Client client = served.client();
  const std::string tag = client.get("/page.js").headers.at("etag");
  const Response r = client.get("/page.js", "If-None-Match: " + tag + "\r\n");
  CHECK(r.status == 304);
  CHECK(r.headers.at("etag") == tag);
  CHECK(r.headers.count("content-length") == 0);
  CHECK(client.get("/-/ready").body == "ready\n");
}

TEST_CASE("a compressed scrape decodes to the same text") {
  const std::string text(300'000, 'x');
  const Served served(loopback(), text);
  const Response r =
      served.client().get("/metrics", "Accept-Encoding: br\r\naccept-encoding: GZip\r\n");
  CHECK(r.headers.at("content-encoding") == "gzip");
  CHECK(r.headers.at("content-length") == std::to_string(r.body.size()));
  CHECK(r.body.size() < text.size());
  CHECK(gunzip(r.body) == text);
  CHECK(served.client().get("/metrics", "Accept-Encoding: gzip;q=0\r\n").body == text);
}

TEST_CASE("a connection is kept for further requests and pipelined ones are answered in order") {
  const Served served;
  Client client = served.client();
  CHECK(client.get("/-/healthy").body == "healthy\n");
  client.send(
      "GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: "
      "localhost\r\n\r\n"
      "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: "
      "localhost\r\n\r\n");
  CHECK(client.receive().body == "ready\n");
  CHECK(client.receive(true).headers.at("content-length") == "13");
  CHECK(client.receive().status == 404);
  CHECK(client.receive().body == "some metrics\n");
}

TEST_CASE("a request may come byte by byte") {
  const Served served;
  Client client = served.client();
  for (const char c : "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"s) client.send({&c, 1});
  CHECK(client.receive().status == 200);
}

TEST_CASE("Connection: close is obeyed") {
  const Served served;
  Client client = served.client();
  const Response r = client.get("/metrics", "Connection: close\r\n");
  CHECK(r.headers.at("connection") == "close");
  CHECK(client.closed());
}

TEST_CASE("HTTP/1.0 is answered in kind and kept open only on request") {
  const Served served;
  Client client = served.client();
  client.send("GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Response r = client.receive();
  CHECK(r.head.starts_with("HTTP/1.0 200 "));
  CHECK(r.headers.at("connection") == "keep-alive");
  client.send("GET /metrics HTTP/1.0\r\n\r\n");
  CHECK(client.receive().body == "some metrics\n");
  CHECK(client.closed());
}

TEST_CASE("one mebibyte of headers is refused with 431 and the server lives") {
  const Served served;
  const std::vector<std::string> huge{
      "GET /metrics HTTP/1.1\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n",
      "GET /" + std::string(1 << 20, 'x') + " HTTP/1.1\r\n\r\n", "GET /metrics HTTP/1.1\r\n" + [] {
        std::string lines;
        while (lines.size() < 1 << 20) lines += "X-Line: value\r\n";
        return lines;
      }() + "\r\n"};
  for (const std::string& request : huge) {
    Client client = served.client();
    client.send(request);
    const Response r = client.receive();
    CHECK(r.status == 431);
    CHECK(r.body == "the request's headers are longer than 8192 bytes\n");
    CHECK(client.closed());
  }
  CHECK(served.scrape() == 200);
}

TEST_CASE("headers of up to 8 KiB are fine") {
  const Served served;
  Client client = served.client();
  CHECK(client.get("/metrics", "X: " + std::string(8000, 'x') + "\r\n").status == 200);
  CHECK(client.get("/metrics", "X: " + std::string(8192, 'x') + "\r\n").status == 431);
}

TEST_CASE("a malformed request is told so and the server lives") {
  const Served served;
  for (const std::string& request :
       {"\r\n\r\n"s, "GET\r\n\r\n"s, "GET /metrics\r\n\r\n"s, "GET /metrics HTTP/2.0\r\n\r\n"s,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"s, "GET  /metrics HTTP/1.1\r\n\r\n"s,
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n"s, "\0\0\0\0\r\n\r\n"s,
        "GET /met\0rics HTTP/1.1\r\n\r\n"s, "GET /metrics HTTP/1.1\r\nno colon\r\n\r\n"s,
        "GET /metrics HTTP/1.1\r\n: no name\r\n\r\n"s,
        "GET /metrics HTTP/1.1\r\nContent-Length: many\r\n\r\n"s,
        "GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n"s,
        "GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"s,
        "GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"s,
        "GET /metrics HTTP/1.1\nX: y\n\n"s}) {
    CAPTURE(request);
    Client client = served.client();
    client.send(request);
    const Response r = client.receive();
    CHECK(r.status == 400);
    CHECK(r.body.starts_with("malformed request: "));
    CHECK(client.closed());
  }
  CHECK(served.scrape() == 200);
}

TEST_CASE("a request that breaks off is forgotten") {
  const Served served;
  for (const std::string_view begun : {"", "G", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"}) {
    Client client = served.client();
    client.send(begun);
  }
  CHECK(served.scrape() == 200);
}

TEST_CASE("a body is refused, even one that never comes") {
  const Served served;
  const std::vector<std::pair<std::string, unsigned>> requests{
      {"GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 413},
      {"HEAD /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 413},
      {"GET /metrics HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n", 413},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 413},
      {"POST /metrics HTTP/1.1\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n", 405},
  };
  for (const auto& expected : requests) {
    const std::string& request = expected.first;
    CAPTURE(request);
    Client client = served.client();
    client.send(request);
    CHECK(client.receive(request.starts_with("HEAD")).status == expected.second);
    CHECK(client.closed());
  }
  CHECK(served.client().get("/metrics", "Content-Length: 0\r\n").status == 200);
}

TEST_CASE("a body of some megabytes does not take the refusal with it") {
  const Served served;
  Client client = served.client();
  client.send("POST /metrics HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n");
  client.send(std::string(4'000'000, 'x'));
  const Response r = client.receive();
  CHECK(r.status == 405);
  CHECK(r.headers.at("allow") == "GET, HEAD");
  CHECK(r.headers.at("connection") == "close");
}

TEST_CASE("an unknown method is told what is allowed and the connection goes on") {
  const Served served;
  Client client = served.client();
  client.send("BREW /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.receive().status == 405);
  CHECK(client.get("/metrics").status == 200);
}

TEST_CASE("a render function that throws costs one reply") {
  int calls = 0;
  const Served served(loopback(), [&calls](const Snapshot&) -> std::string {
    if (++calls == 1) throw std::runtime_error("no paper");
    return "fine\n";
  });
  Client client = served.client();
  CHECK(client.get("/metrics").status == 500);
  CHECK(client.get("/metrics").body == "fine\n");
}

TEST_CASE("hostile class names arrive as they were rendered") {
  Snapshot s;
  for (const std::string& name :
       {"支払い"s, "a\"b\\c\nd"s, "nul\0byte"s, "caf\xe9"s, "\r\n\r\nHTTP/1.1 200 OK"s}) {
    s.classes.push_back({.service = "checkout", .task_class = name});
  }
  const auto render = [](const Snapshot& of) { return metrics::render(of, {}); };
  const std::string text = render(s);
  const Served served(loopback(), render, s);
  Client client = served.client();
  CHECK(client.get("/metrics").body == text);
  CHECK(gunzip(client.get("/metrics", "Accept-Encoding: gzip\r\n").body) == text);
  CHECK(text.find("支払い") != std::string::npos);
  CHECK(text.find('\r') == std::string::npos);
}

}  // namespace
}  // namespace pulsed::http
