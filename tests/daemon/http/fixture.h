// A server on a free port of the loopback, over a fake control loop.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "daemon/http/server.h"
#include "tests/daemon/http/client.h"
#include "tests/daemon/http/fake_source.h"

namespace pulsed::http {

// So long that a test which waits for a deadline gives up first.
inline constexpr std::chrono::hours kNever{1};

inline Options loopback() {
  return {.port = 0, .header_timeout = kNever, .idle_timeout = kNever, .write_timeout = kNever};
}

struct Served {
  FakeSource source;
  HttpServer server;

  explicit Served(Options options = loopback(), std::string text = "some metrics\n")
      : Served(std::move(options), [text = std::move(text)](const Snapshot&) { return text; }) {}
  Served(Options options, Render render, Snapshot snapshot = {})
      : source(std::move(snapshot)),
        server(std::move(options),
               {.source = source, .render = std::move(render), .ready = [] { return true; }}) {
    server.start();
  }

  [[nodiscard]] Client client() const { return Client(server.port()); }
  [[nodiscard]] unsigned scrape() const { return client().get("/metrics").status; }
};

}  // namespace pulsed::http
