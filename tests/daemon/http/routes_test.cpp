#include "daemon/http/routes.h"

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/daemon/http/fixture.h"
#include "tests/daemon/http/gunzip.h"

namespace pulsed::http {
namespace {

Snapshot versioned() {
  Snapshot s;
  s.daemon.version = "1.2.3";
  return s;
}

struct Fixture {
  FakeSource source{versioned()};
  bool ready = true;
  history::History history;
  Site site{.source = source,
            .render = [](const Snapshot& s) { return "version " + s.daemon.version + "\n"; },
            .ready = [this] { return ready; },
            .history = &history,
            .assets = few_assets()};

  Reply get(std::string_view target, std::string_view accept_encoding = {}) {
    return answer(site, {.method = "GET", .target = target, .accept_encoding = accept_encoding});
  }
};

TEST_CASE_FIXTURE(Fixture, "metrics are what the render function makes of the snapshot") {
  const Reply reply = get("/metrics");
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(reply.body == "version 1.2.3\n");
  CHECK_FALSE(reply.gzip);
  CHECK(reply.varies);
}

TEST_CASE_FIXTURE(Fixture, "metrics are compressed for those who take gzip") {
  const Reply reply = get("/metrics", "deflate, gzip;q=0.5,");
  CHECK(reply.gzip);
  CHECK(reply.varies);
  CHECK(gunzip(reply.body) == "version 1.2.3\n");
  CHECK_FALSE(get("/metrics", "gzip;q=0").gzip);
}

TEST_CASE_FIXTURE(Fixture, "a scrape waits for a newer snapshot only while the loop ticks") {
  static_cast<void>(get("/metrics"));
  CHECK(source.patience_ms == site.patience.count());
  source.since_last_tick_ms = SnapshotSource::kHealthyTick.count() + 1;
  CHECK(get("/metrics").status == 200);
  CHECK(source.patience_ms == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "the daemon is healthy up to two seconds after a tick and then says why not") {
  source.since_last_tick_ms = 2000;
  CHECK(get("/-/healthy").status == 200);
  source.since_last_tick_ms = 2001;
  const Reply reply = get("/-/healthy");
  CHECK(reply.status == 503);
  CHECK(reply.body == "not healthy: the control loop last ticked 2001 ms ago, more than 2000 ms\n");
}

TEST_CASE_FIXTURE(Fixture, "the daemon is ready when the caller says so") {
  CHECK(get("/-/ready").status == 200);
  ready = false;
  CHECK(get("/-/ready").status == 503);
  CHECK(get("/-/ready").body == "not ready: services cannot attach yet\n");
}

TEST_CASE_FIXTURE(Fixture, "the page's files come with their types and tags") {
  const Reply page = get("/");
  CHECK(page.status == 200);
  CHECK(page.content_type == "text/html; charset=utf-8");
  CHECK(page.body.starts_with("<!DOCTYPE html>"));
  CHECK(page.cache_control == "no-cache");
  const Reply script = get("/page.js");
  CHECK(script.content_type == "text/javascript; charset=utf-8");
  CHECK(script.body == std::string(10'000, ';'));
  CHECK(script.etag != page.etag);
}

TEST_CASE_FIXTURE(Fixture,
                  "a file is compressed for those who take gzip, if that makes it shorter") {
  const Reply script = get("/page.js", "gzip");
  CHECK(script.gzip);
  CHECK(script.varies);
  CHECK(gunzip(script.body) == std::string(10'000, ';'));
  CHECK_FALSE(get("/page.js", "gzip;q=0").gzip);
  CHECK_FALSE(get("/", "gzip").gzip);
}

TEST_CASE_FIXTURE(Fixture, "a file that the client has already is not sent again") {
  const std::string tag(get("/page.js").etag);
  const auto asked = [&](std::string_view if_none_match) {
    return answer(site, {.method = "GET", .target = "/page.js", .if_none_match = if_none_match});
  };
  for (const std::string& has : {tag, "\"x\", " + tag, tag.substr(2), std::string("*")}) {
    CAPTURE(has);
    CHECK(asked(has).status == 304);
    CHECK(asked(has).body.empty());
    CHECK(asked(has).etag == tag);
  }
  for (const std::string& has : {std::string(get("/").etag), std::string("\"x\""), std::string()})
    CHECK(asked(has).status == 200);
}

TEST_CASE_FIXTURE(Fixture, "the status is JSON, compressed for those who take gzip") {
  const Reply reply = get("/status.json");
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "application/json");
  CHECK(reply.body.find("\"version\":\"1.2.3\"") != std::string::npos);
  CHECK(reply.body.find("\"ready\":true") != std::string::npos);
  CHECK(gunzip(get("/status.json", "gzip").body) == reply.body);
}

TEST_CASE_FIXTURE(Fixture,
                  "events begin where the watcher left off, and without a history nowhere") {
  for (int i = 0; i < 3; ++i) history.append("{}");
  CHECK(get("/events").content_type == "text/event-stream");
  CHECK(get("/events").events == 1);
  const std::string seen = history.epoch() + "-2";
  const auto resumed = answer(site, {.method = "GET", .target = "/events", .last_event_id = seen});
  CHECK(resumed.events == 3);
  CHECK(get("/events?after=" + seen).events == 3);
  CHECK(get("/events?after=another-2").events == 1);
  site.history = nullptr;
  CHECK(get("/events").status == 404);
}

TEST_CASE_FIXTURE(Fixture, "a query does not change the path and an absolute target names one") {
  CHECK(get("/metrics?collect=all").status == 200);
  CHECK(get("/?").status == 200);
  CHECK(get("http://127.0.0.1:10857/metrics").body == "version 1.2.3\n");
  CHECK(get("http://127.0.0.1:10857").content_type == "text/html; charset=utf-8");
}

TEST_CASE_FIXTURE(Fixture, "what is not there is not found and the reply says what there is") {
  for (const std::string_view target : {"/metric", "/metrics/", "//metrics", "/-/", "/../metrics",
                                        "*", "", "metrics", "/METRICS", "/%6detrics", "?"}) {
    CAPTURE(target);
    CHECK(get(target).status == 404);
    CHECK(get(target).body ==
          "not found; there are /, /metrics, /status.json, /events, /-/healthy and /-/ready\n");
  }
}

TEST_CASE_FIXTURE(Fixture, "other methods than GET and HEAD are told which are allowed") {
  for (const std::string_view method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", ""}) {
    const Reply reply =
        answer(site, {.method = method, .target = "/metrics", .accept_encoding = {}});
    CHECK(reply.status == 405);
    CHECK(reply.allow == "GET, HEAD");
    CHECK(reply.body == "/metrics can only be read: use GET or HEAD\n");
  }
  CHECK(answer(site, {.method = "POST", .target = "/x", .accept_encoding = {}}).status == 404);
}

TEST_CASE_FIXTURE(Fixture, "a render function that throws is a 500 with its reason") {
  site.render = [](const Snapshot&) -> std::string { throw std::runtime_error("no paper"); };
  CHECK(get("/metrics").status == 500);
  CHECK(get("/metrics").body == "the answer could not be made: no paper\n");
  CHECK_FALSE(get("/metrics", "gzip").gzip);
  site.render = [](const Snapshot&) -> std::string { throw 1; };
  CHECK(get("/metrics").status == 500);
}

}  // namespace
}  // namespace pulsed::http
