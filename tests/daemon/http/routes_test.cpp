#include "daemon/http/routes.h"

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/daemon/http/fake_source.h"
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
  Site site{.source = source,
            .render = [](const Snapshot& s) { return "version " + s.daemon.version + "\n"; },
            .ready = [this] { return ready; }};

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
  source.since_last_tick_ms = kHealthyTick.count() + 1;
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

TEST_CASE_FIXTURE(Fixture,
                  "the page links to everything there is and loads nothing from elsewhere") {
  const Reply reply = get("/");
  CHECK(reply.status == 200);
  CHECK(reply.content_type == "text/html; charset=utf-8");
  for (const std::string_view path : {"/metrics", "/-/healthy", "/-/ready"}) {
    CHECK(reply.body.find("href=\"" + std::string(path) + "\"") != std::string::npos);
    CHECK(get(path).status == 200);
  }
  CHECK(reply.body.find("//") == std::string::npos);
  CHECK(reply.body.find("<script") == std::string::npos);
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
    CHECK(get(target).body == "not found; there are /, /metrics, /-/healthy and /-/ready\n");
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
