#include "daemon/http/routes.h"

#include <array>
#include <exception>
#include <utility>

#include "daemon/http/content_encoding.h"

namespace pulsed::http {
namespace {

constexpr std::string_view kReads = "GET, HEAD";

constexpr std::string_view kPage = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pulsed</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
dt { font-family: ui-monospace, monospace; margin-top: .75rem; }
</style>
</head>
<body>
<h1>pulsed</h1>
<p>Keeps one long poll from stalling an async service.</p>
<dl>
<dt><a href="/metrics">/metrics</a></dt>
<dd>What the daemon counts, for Prometheus. Each series says how to read it.</dd>
<dt><a href="/-/healthy">/-/healthy</a></dt>
<dd>200 while the control loop ticks, else 503 and why.</dd>
<dt><a href="/-/ready">/-/ready</a></dt>
<dd>200 once services can attach, else 503.</dd>
</dl>
</body>
</html>
)";

// The request target without its query, and of the absolute form (RFC 9112, 3.2.2) only the path.
std::string_view path_of(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    target.remove_prefix(kScheme.size());
    const std::size_t slash = target.find('/');
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

Reply metrics(const Site& site, const Request& request) {
  // A loop that stands still would cost every scrape the whole patience.
  const bool ticks = site.source.since_last_tick() <= kHealthyTick;
  const auto snapshot = site.source.fresh(ticks ? site.patience : std::chrono::milliseconds{0});
  Reply reply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
              .body = site.render(*snapshot),
              .varies = true};
  if (accepts_gzip(request.accept_encoding)) {
    reply.body = gzip(reply.body);
    reply.gzip = true;
  }
  return reply;
}

Reply healthy(const Site& site, const Request&) {
  const std::chrono::milliseconds since = site.source.since_last_tick();
  if (since <= kHealthyTick) return plain(200, "healthy\n");
  return plain(503, "not healthy: the control loop last ticked " + std::to_string(since.count()) +
                        " ms ago, more than " + std::to_string(kHealthyTick.count()) + " ms\n");
}

Reply ready(const Site& site, const Request&) {
  if (site.ready()) return plain(200, "ready\n");
  return plain(503, "not ready: services cannot attach yet\n");
}

Reply page(const Site&, const Request&) {
  return {.content_type = "text/html; charset=utf-8", .body = std::string(kPage)};
}

using Handler = Reply (*)(const Site&, const Request&);
constexpr std::array<std::pair<std::string_view, Handler>, 4> kRoutes{{
    {"/metrics", metrics},
    {"/-/healthy", healthy},
    {"/-/ready", ready},
    {"/", page},
}};

Reply route(const Site& site, const Request& request) {
  const std::string_view path = path_of(request.target);
  for (const auto& [known, handler] : kRoutes) {
    if (path != known) continue;
    if (request.method == "GET" || request.method == "HEAD") return handler(site, request);
    Reply reply = plain(405, std::string(known) + " can only be read: use GET or HEAD\n");
    reply.allow = kReads;
    return reply;
  }
  return plain(404, "not found; there are /, /metrics, /-/healthy and /-/ready\n");
}

}  // namespace

Reply plain(unsigned status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

Reply answer(const Site& site, const Request& request) {
  try {
    return route(site, request);
  } catch (const std::exception& e) {
    return plain(500, std::string("the answer could not be made: ") + e.what() + "\n");
  } catch (...) {
    return plain(500, "the answer could not be made\n");
  }
}

}  // namespace pulsed::http
