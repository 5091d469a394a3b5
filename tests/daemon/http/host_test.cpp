#include "daemon/http/host.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/daemon/http/fixture.h"

namespace pulsed::http {
namespace {

TEST_CASE("addresses and localhost name no site, and all else does") {
  for (const char* host : {"", "127.0.0.1", "127.0.0.1:10857", "127.8.9.1:1", "192.0.2.7", "[::1]",
                           "[::1]:10857", "[2001:db8::1]:80", "localhost", "localhost:10857",
                           "LocalHost", "localhost.", "localhost.:10857", "localhost:"}) {
    CAPTURE(host);
    CHECK(names_no_site(host));
  }
  for (const char* host :
       {"example.org", "example.org:10857", "127.0.0.1.example.org", "localhost.example.org",
        "localhost..", "notlocalhost", "127.0.0.1:80@example.org", "[::1", "[::1].example.org",
        "[example.org]", "[127.0.0.1]", "::1", ":10857", "127.1", "0x7f000001", "2130706433",
        "x"}) {
    CAPTURE(host);
    CHECK_FALSE(names_no_site(host));
  }
}

unsigned status(const Served& served, const std::string& host_line) {
  Client client = served.client();
  client.send("GET /status.json HTTP/1.1\r\n" + host_line + "\r\n");
  return client.receive().status;
}

TEST_CASE("on loopback a request to a site's name is misdirected, and told what to do") {
  const Served served;
  for (const char* target :
       {"/", "/status.json", "/metrics", "/events", "/-/healthy", "/nothing"}) {
    CAPTURE(target);
    Client client = served.client();
    client.send("GET " + std::string(target) +
                " HTTP/1.1\r\nHost: rebound.example.org:10857\r\n\r\n");
    const Response r = client.receive();
    CHECK(r.status == 421);
    CHECK(r.body.find("Host: localhost") != std::string::npos);
    CHECK(r.headers.at("cross-origin-resource-policy") == "same-origin");
    CHECK(client.get("/-/ready").status == 200);
  }
  for (const std::string& port : {std::string(), ":" + std::to_string(served.server.port())}) {
    CHECK(status(served, "Host: 127.0.0.1" + port + "\r\n") == 200);
    CHECK(status(served, "Host: localhost" + port + "\r\n") == 200);
    CHECK(status(served, "Host: [::1]" + port + "\r\n") == 200);
  }
  CHECK(status(served, "") == 200);
}

TEST_CASE("off loopback any name is answered") {
  Options options = loopback();
  options.host = "0.0.0.0";
  const Served served(options);
  CHECK(status(served, "Host: pulsed.example.org\r\n") == 200);
}

}  // namespace
}  // namespace pulsed::http
