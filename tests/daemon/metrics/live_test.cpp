// What a real pulsed shows to a real Prometheus.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "daemon/metrics/series_count.h"
#include "tests/daemon/metrics/exposition_text.h"
#include "tests/daemon/metrics/lint.h"
#include "tests/daemon/metrics/own_prometheus.h"
#include "tests/support/daemon_process.h"
#include "tests/support/many_classes.h"

namespace pulsed::test {
namespace {

using metrics::ExpositionReader;
using metrics::Scope;

constexpr unsigned kServices = 10;
constexpr unsigned kClassesEach = 100;
constexpr unsigned kClasses = kServices * kClassesEach;

DaemonOptions showing_all_classes() {
  return {.policy = "enforcement: shadow\n",
          .config = "series: {label_values: 1000, classes: 1000}\n"};
}

// Until a scrape shows so many classes, and all their polls.
bool shows(const OwnDaemon& daemon, std::size_t classes, unsigned polled) {
  return wait_until([&] {
    const Metrics now = daemon.metrics();
    return now.sum("pulsed_polls_total") == ManyClasses::kPolls * polled &&
           now.count("pulsed_polls_total") == classes;
  });
}

// A poll that runs until a task has changed its tier for it, so that there is a pair of tiers.
void change_a_tier(const OwnDaemon& daemon) {
  Session session({.service = "many-0", .run_dir = daemon.run_dir()});
  REQUIRE(session.wait_attached(std::chrono::seconds{20}));
  const Worker worker(session, "hog");
  const Task task = session.open(session.task_class("many-0/0"));
  const PollScope poll(task);
  volatile std::uint64_t sum = 0;
  CHECK(wait_until([&] {
    for (std::uint64_t n = 0; n < 50'000'000; ++n) sum = sum + n;
    return daemon.metrics().has("pulsed_tier_changes_total");
  }));
}

// "A scrape has 40 samples a class, ...": as people read it.
struct Rule {
  std::size_t a_class = 0;
  std::size_t a_service = 0;
  std::size_t of_the_daemon = 0;
};

Rule documented_rule() {
  std::ifstream file(PULSED_SOURCE_DIR "/dashboards/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t at = text.find("A scrape has ");
  REQUIRE(at != std::string::npos);
  Rule rule;
  REQUIRE(std::sscanf(text.c_str() + at,
                      "A scrape has %zu samples a class, %zu a service and %zu of the daemon",
                      &rule.a_class, &rule.a_service, &rule.of_the_daemon) == 3);
  return rule;
}

TEST_CASE("Prometheus takes as many samples of 1000 classes as the reference says") {
  DaemonProcess daemon(showing_all_classes());
  const ManyClasses services(daemon.run_dir(), kServices, kClassesEach);
  REQUIRE(shows(daemon, kClasses, kClasses));
  change_a_tier(daemon);
  const OwnPrometheus prometheus(daemon.port());
  const Rule rule = documented_rule();
  const auto said = rule.a_class * kClasses + rule.a_service * kServices + rule.of_the_daemon;
  // Of one scrape: it comes with the samples that it counts.
  const std::string pairs =
      R"(count({__name__=~"pulsed_tier_changes_total|pulsed_api_calls_total"}))";
  const std::string unsaid = "scrape_samples_scraped{job=\"pulsed\"} - on() " + pairs;
  double difference = 0;
  CHECK(wait_until([&] {
    const auto now = prometheus.value(unsaid);
    if (now) difference = *now - static_cast<double>(said);
    return now && difference == 0;
  }));
  CAPTURE(difference);
  CHECK(prometheus.value("count(pulsed_polls_total)") == kClasses);
  const std::string each = R"(count by (service, class) ({job="pulsed", class!=""}))";
  CHECK(prometheus.value("count(" + each + ")") == kClasses);
  CHECK(prometheus.value("max(" + each + ")") == metrics::kMaxSeriesPerClass);
  CHECK(prometheus.value("min(" + each + ")") == rule.a_class);
  for (const auto& label : prometheus.get("labels")) {
    const auto name = label.get<std::string>();
    CAPTURE(name);
    const bool is_prometheus_own = name == "__name__" || name == "job" || name == "instance";
    CHECK((is_prometheus_own || metrics::is_allowed_label(name)));
  }
  // The first one makes 40,000 series in Prometheus.
  const std::string took = R"(_over_time(scrape_duration_seconds{job="pulsed"}[10m]))";
  CHECK(wait_until([&] { return prometheus.value("count" + took).value_or(0) >= trials(1, 6); },
                   milliseconds{60'000}));
  MESSAGE("the quickest scrape took " << prometheus.value("min" + took).value_or(0) * 1e3 << " ms");
}

TEST_CASE("promtool and our lint have nothing to say against the text of a real pulsed") {
  DaemonProcess daemon;
  const ManyClasses services(daemon.run_dir(), 2, 3);
  const ManyClasses odd(daemon.run_dir(), 1, 3, "\"}\\ 支払い");
  REQUIRE(shows(daemon, 9, 9));
  change_a_tier(daemon);
  const auto reply = daemon.get("/metrics");
  REQUIRE(reply);
  for (const auto& family : ExpositionReader::read(reply->body)) {
    metrics::Described described{family.name, family.type, family.help, {}};
    for (const auto& sample : family.samples) {
      for (const auto& [label, value] : sample.labels) described.labels.insert(label);
    }
    CHECK(metrics::lint(described) == "");
  }
  const TempDir dir;
  std::ofstream(dir.path() + "/text") << reply->body;
  Process promtool(
      Command{.program = "/bin/sh",
              .arguments = {"-c", "exec /usr/bin/promtool check metrics <" + dir.path() + "/text"},
              .environment = {},
              .output = dir.path() + "/said"});
  CHECK(promtool.wait_end() == Ended{.code = 0});
  CHECK(promtool.output() == "");
}

std::size_t resident_kib_after(DaemonProcess& daemon, int scrapes) {
  for (int i = 0; i < scrapes; ++i) {
    const auto reply =
        http_get(daemon.port(), "/metrics", i % 2 == 0 ? "" : "Accept-Encoding: gzip\r\n");
    REQUIRE(reply);
    REQUIRE(reply->status == 200);
  }
  return daemon.process().resident_bytes() / 1024;
}

TEST_CASE("scrapes of 1000 classes, with gzip and without, leave the daemon's memory flat") {
  if (has_sanitizer()) {
    MESSAGE("not under sanitizers, which keep what was freed");
    return;
  }
  DaemonProcess daemon(showing_all_classes());
  const ManyClasses services(daemon.run_dir(), kServices, kClassesEach);
  REQUIRE(shows(daemon, kClasses, kClasses));
  const int half = trials(100, 500);
  const auto before = static_cast<long>(resident_kib_after(daemon, half));
  const auto after = static_cast<long>(resident_kib_after(daemon, half));
  MESSAGE(before << " KiB after " << half << " scrapes, " << after << " KiB after as many more");
  // A scrape is 3 MB: a hundredth of one kept each time would be more.
  CHECK(after - before < 1024);
}

TEST_CASE("samples of a service that came and went between two ticks are counted") {
  DaemonProcess daemon(
      {.policy = "enforcement: shadow\n", .config = "lease: 3s\nloop: {rest_tick: 1s}\n"});
  { const ManyClasses brief(daemon.run_dir(), 1, 10); }
  REQUIRE(wait_until([&] { return daemon.sum("pulsed_detaches_total") == 1; }));
  CHECK(daemon.sum("pulsed_samples_total") >= ManyClasses::kPolls * 10);
}

TEST_CASE(
    "as many classes as the cap are shown, the next is in other, and departed ones disappear") {
  DaemonProcess daemon({.policy = "enforcement: shadow\n",
                        .config = "series: {label_values: 100, keep_departed: 1s}\n"});
  const ManyClasses services(daemon.run_dir(), 2, 50);
  REQUIRE(shows(daemon, 100, 100));
  CHECK_FALSE(daemon.metrics().has("pulsed_polls_total", {{"class", "other"}}));
  CHECK(daemon.sum("pulsed_folded_label_values_total") == 0);
  {
    const ManyClasses more(daemon.run_dir(), 1, 1, "more");
    REQUIRE(shows(daemon, 101, 101));
    const Metrics now = daemon.metrics();
    CHECK(now.sum("pulsed_polls_total", {{"service", "more-0"}, {"class", "other"}}) ==
          ManyClasses::kPolls);
    CHECK(now.sum("pulsed_folded_label_values_total") == 1);
  }
  CHECK(wait_until([&] {
    return !daemon.metrics().has("pulsed_service_processes", {{"service", "more-0"}});
  }));
  const Metrics after = daemon.metrics();
  CHECK_FALSE(after.has("pulsed_polls_total", {{"service", "more-0"}}));
  CHECK(after.count("pulsed_polls_total") == 100);
  CHECK(after.sum("pulsed_folded_label_values_total") == 1);
}

}  // namespace
}  // namespace pulsed::test
