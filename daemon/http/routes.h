// What the daemon answers over HTTP, apart from how: no sockets and no Beast in here.
//
//   /metrics     the newest snapshot as the caller's render function writes it
//   /-/healthy   200 while the control loop ticks
//   /-/ready     200 once services can attach
//   /status.json the newest snapshot for machines
//   /events      the history and what comes after it, as server-sent events; with Last-Event-ID or
//                ?after=<id>, only what came after that event
//   /            the page, and what it is made of
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/history/history.h"
#include "daemon/http/assets.h"
#include "daemon/snapshot.h"

namespace pulsed::http {

using Render = std::function<std::string(const Snapshot&)>;
using Ready = std::function<bool()>;

// What the answers are made from. Render and Ready are called on the server's thread.
struct Site {
  SnapshotSource& source;
  Render render;
  Ready ready;
  history::History* history = nullptr;  // null: there are no events
  std::vector<ServedAsset> assets = {};
  std::chrono::milliseconds patience{100};  // what a scrape waits at most for a newer snapshot
};

struct Request {
  std::string_view method;
  std::string_view target;           // as it came, query included
  std::string_view accept_encoding;  // all Accept-Encoding headers joined by commas
  std::string_view if_none_match = {};
  std::string_view last_event_id = {};
};

struct Reply {
  unsigned status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body;             // a HEAD request is answered with everything but this
  bool gzip = false;            // body is compressed
  bool varies = false;          // by Accept-Encoding
  std::string_view allow = {};  // of a 405
  std::string_view etag = {};
  std::string_view cache_control = "no-store";
  bool retry_later = false;             // of a 503
  std::optional<std::uint64_t> events;  // behind the body moments follow, this one first
};

// Never throws what Render, Ready or memory throw: that is a 500.
[[nodiscard]] Reply answer(const Site& site, const Request& request);

// A plain-text reply, for what goes wrong before there is a request.
[[nodiscard]] Reply plain(unsigned status, std::string body);

}  // namespace pulsed::http
