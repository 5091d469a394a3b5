#include "daemon/http/routes.h"

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "daemon/http/content_encoding.h"
#include "daemon/http/status.h"

namespace pulsed::http {
namespace {

constexpr std::string_view kReads = "GET, HEAD";

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

std::shared_ptr<const Snapshot> snapshot(const Site& site) {
  return site.source.fresh(site.source.worth_waiting(site.patience));
}

Reply compressed_if_wanted(Reply reply, const Request& request) {
  reply.varies = true;
  if (accepts_gzip(request.accept_encoding)) {
    reply.body = gzip(reply.body);
    reply.gzip = true;
  }
  return reply;
}

Reply metrics(const Site& site, const Request& request) {
  return compressed_if_wanted({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                               .body = site.render(*snapshot(site))},
                              request);
}

Reply status(const Site& site, const Request& request) {
  const auto newest = snapshot(site);
  return compressed_if_wanted(
      {.content_type = "application/json",
       .body = status_json(*newest, site.ready(), site.source.since_last_tick())},
      request);
}

// Which event the client saw last. A browser that begins a new stream cannot say so in a header.
std::string_view seen(const Request& request) {
  if (!request.last_event_id.empty()) return request.last_event_id;
  constexpr std::string_view kAfter = "?after=";
  const std::size_t at = request.target.find(kAfter);
  return at == std::string_view::npos ? "" : request.target.substr(at + kAfter.size());
}

Reply events(const Site& site, const Request& request) {
  if (site.history == nullptr) return plain(404, "not found: no history is kept\n");
  // How long a browser waits before it comes back, in milliseconds.
  return {.content_type = "text/event-stream",
          .body = "retry: 1000\n\n",
          .events = site.history->wanted_after(seen(request))};
}

Reply healthy(const Site& site, const Request&) {
  constexpr std::chrono::milliseconds kHealthyTick = SnapshotSource::kHealthyTick;
  const std::chrono::milliseconds since = site.source.since_last_tick();
  if (since <= kHealthyTick) return plain(200, "healthy\n");
  return plain(503, "not healthy: the control loop last ticked " + std::to_string(since.count()) +
                        " ms ago, more than " + std::to_string(kHealthyTick.count()) + " ms\n");
}

Reply ready(const Site& site, const Request&) {
  if (site.ready()) return plain(200, "ready\n");
  return plain(503, "not ready: services cannot attach yet\n");
}

Reply file(const ServedAsset& file, const Request& request) {
  // Kept by browsers, and asked for anew each time: after an upgrade the page is the new daemon's.
  Reply reply{.content_type = file.asset.content_type,
              .varies = !file.gzip.empty(),
              .etag = file.etag,
              .cache_control = "no-cache"};
  if (known(file, request.if_none_match)) {
    reply.status = 304;
    return reply;
  }
  reply.gzip = !file.gzip.empty() && accepts_gzip(request.accept_encoding);
  reply.body = reply.gzip ? file.gzip : std::string(file.asset.body);
  return reply;
}

using Handler = Reply (*)(const Site&, const Request&);
constexpr std::array<std::pair<std::string_view, Handler>, 5> kRoutes{{
    {"/metrics", metrics},
    {"/-/healthy", healthy},
    {"/-/ready", ready},
    {"/status.json", status},
    {"/events", events},
}};

std::optional<Reply> refused(const Request& request, std::string_view path) {
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  Reply reply = plain(405, std::string(path) + " can only be read: use GET or HEAD\n");
  reply.allow = kReads;
  return reply;
}

Reply route(const Site& site, const Request& request) {
  const std::string_view path = path_of(request.target);
  for (const auto& [known, handler] : kRoutes) {
    if (path == known) {
      const auto refusal = refused(request, known);
      return refusal ? *refusal : handler(site, request);
    }
  }
  for (const ServedAsset& asset : site.assets) {
    if (path == asset.asset.path) {
      const auto refusal = refused(request, asset.asset.path);
      return refusal ? *refusal : file(asset, request);
    }
  }
  return plain(404,
               "not found; there are /, /metrics, /status.json, /events, /-/healthy and "
               "/-/ready\n");
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
