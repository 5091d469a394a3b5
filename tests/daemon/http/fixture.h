// A server on a free port of the loopback, over a fake control loop.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http/server.h"
#include "tests/daemon/http/client.h"
#include "tests/daemon/http/fake_source.h"

namespace pulsed::http {

// So long that a test which waits for a deadline gives up first.
inline constexpr std::chrono::hours kNever{1};

inline Options loopback() {
  return {.port = 0, .header_timeout = kNever, .idle_timeout = kNever, .write_timeout = kNever};
}

// As short as a page can be, and a file worth compressing.
inline std::vector<ServedAsset> few_assets() {
  static const std::string script(10'000, ';');
  const std::array<web::Asset, 2> assets{{
      {"/", "text/html; charset=utf-8", "<!DOCTYPE html><title>page</title>"},
      {"/page.js", "text/javascript; charset=utf-8", script},
  }};
  return served(assets);
}

struct Served {
  FakeSource source;
  history::History history;
  HttpServer server;

  explicit Served(Options options = loopback(), std::string text = "some metrics\n")
      : Served(std::move(options), [text = std::move(text)](const Snapshot&) { return text; }) {}
  Served(Options options, Render render, Snapshot snapshot = {},
         history::History::Limits limits = {})
      : source(std::move(snapshot)),
        history(limits),
        server(std::move(options), {.source = source,
                                    .render = std::move(render),
                                    .ready = [] { return true; },
                                    .history = &history,
                                    .assets = few_assets()}) {
    server.start();
  }

  [[nodiscard]] Client client() const { return Client(server.port()); }
  [[nodiscard]] unsigned scrape() const { return client().get("/metrics").status; }
};

}  // namespace pulsed::http
