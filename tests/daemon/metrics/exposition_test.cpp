#include "daemon/metrics/exposition.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <locale>
#include <set>
#include <string>
#include <string_view>

#include "daemon/metrics/catalogue.h"
#include "tests/daemon/metrics/exposition_text.h"
#include "tests/daemon/metrics/full_snapshot.h"

namespace pulsed::metrics {
namespace {

using namespace std::string_literals;
using Labels = std::map<std::string, std::string>;

double value(const std::vector<TextFamily>& families, std::string_view name,
             const Labels& labels = {}) {
  for (const TextFamily& f : families) {
    for (const TextSample& sample : f.samples) {
      if (sample.name == name && sample.labels == labels) return sample.value;
    }
  }
  FAIL("no sample " << std::string(name));
  return -1;
}

Labels of_class(Labels more = {}) {
  more.merge(Labels{{"service", "checkout"}, {"class", "checkout/render"}});
  return more;
}

Labels of_service(Labels more = {}) {
  more.merge(Labels{{"service", "checkout"}});
  return more;
}

TEST_CASE("every family of the catalogue is there, in its order, with its type and help") {
  const auto families = ExpositionReader::read(render(full_snapshot(), full_off_loop()));
  constexpr std::array<std::string_view, 3> kTypes{"counter", "gauge", "histogram"};
  REQUIRE(families.size() == kSeriesCount);
  for (std::size_t i = 0; i < kSeriesCount; ++i) {
    const Entry& e = catalogue()[i];
    CHECK(families[i].name == e.name);
    CHECK(families[i].help == e.help);
    CHECK(families[i].type == kTypes[static_cast<std::size_t>(e.type)]);
    for (const TextSample& sample : families[i].samples) {
      for (const auto& [label, unused] : sample.labels) {
        CHECK((label == "le" || std::ranges::find(e.labels, label) != e.labels.end()));
      }
    }
  }
}

TEST_CASE("numbers of a class are where their names say") {
  const auto families = ExpositionReader::read(render(full_snapshot(), full_off_loop()));
  CHECK(value(families, "pulsed_polls_total", of_class()) == 301);
  CHECK(value(families, "pulsed_cpu_seconds_total", of_class()) == 302.5);
  CHECK(value(families, "pulsed_violations_total", of_class()) == 303);
  CHECK(value(families, "pulsed_yields_obeyed_total", of_class()) == 304);
  CHECK(value(families, "pulsed_isolated_polls_total", of_class()) == 305);
  CHECK(value(families, "pulsed_would_yields_total", of_class()) == 310);
  CHECK(value(families, "pulsed_would_isolated_polls_total", of_class()) == 311);
  CHECK(value(families, "pulsed_would_demotions_total", of_class()) == 312);
  CHECK(value(families, "pulsed_would_cover_cpu_seconds_total", of_class()) == 314.5);
  CHECK(value(families, "pulsed_tasks", of_class({{"tier", "monitor"}})) == 306);
  CHECK(value(families, "pulsed_tasks", of_class({{"tier", "warn"}})) == 307);
  CHECK(value(families, "pulsed_tasks", of_class({{"tier", "yield"}})) == 308);
  CHECK(value(families, "pulsed_tasks", of_class({{"tier", "isolate"}})) == 309);
  CHECK(value(families, "pulsed_class_tier", of_class({{"enforcement", "shadow"}})) == 2);
  CHECK(value(families, "pulsed_poll_duration_seconds_count", of_class()) == 2);
  CHECK(value(families, "pulsed_queue_wait_seconds_count", of_class()) == 1);
  CHECK(value(families, "pulsed_queue_wait_seconds_sum", of_class()) == 60);
}

TEST_CASE("numbers of a service are where their names say") {
  const auto families = ExpositionReader::read(render(full_snapshot(), full_off_loop()));
  const auto of = [&](std::string_view name, const Labels& more = {}) {
    return value(families, name, of_service(more));
  };
  CHECK(of("pulsed_service_processes") == 201);
  CHECK(of("pulsed_service_workers") == 202);
  CHECK(of("pulsed_class_tier_changes_total") == 203);
  CHECK(of("pulsed_directives_total", {{"directive", "measure"}}) == 204);
  CHECK(of("pulsed_directives_total", {{"directive", "yield"}}) == 205);
  CHECK(of("pulsed_directives_total", {{"directive", "isolate"}}) == 206);
  CHECK(of("pulsed_ring_dropped_samples_total") == 207);
  CHECK(of("pulsed_rejected_records_total") == 208);
  CHECK(of("pulsed_skipped_samples_total") == 209);
  CHECK(of("pulsed_tasks_without_slot_total") == 210);
  CHECK(of("pulsed_clock_reads_total") == 218);
  CHECK(of("pulsed_late_clock_reads_total") == 219);
  CHECK(of("pulsed_in_flight_polls", {{"blame", "unknown"}}) == 211);
  CHECK(of("pulsed_in_flight_polls", {{"blame", "burning"}}) == 212);
  CHECK(of("pulsed_in_flight_polls", {{"blame", "runnable"}}) == 213);
  CHECK(of("pulsed_in_flight_polls", {{"blame", "blocked"}}) == 214);
  CHECK(of("pulsed_in_flight_longest_seconds") == 0.215);
  CHECK(of("pulsed_quarantined") == 1);
  CHECK(of("pulsed_pinned_classes") == 236);
  CHECK(of("pulsed_held_polls_total", {{"blame", "unknown"}}) == 221);
  CHECK(of("pulsed_held_polls_total", {{"blame", "burning"}}) == 222);
  CHECK(of("pulsed_held_polls_total", {{"blame", "runnable"}}) == 223);
  CHECK(of("pulsed_held_polls_total", {{"blame", "blocked"}}) == 224);
  CHECK(of("pulsed_spare_workers", {{"state", "parked"}}) == 225);
  CHECK(of("pulsed_spare_workers", {{"state", "awake"}}) == 226);
  CHECK(of("pulsed_spare_wakes_total") == 227);
  CHECK(of("pulsed_would_spare_wakes_total") == 234);
  CHECK(of("pulsed_reports_withheld_total") == 235);
  CHECK(of("pulsed_spare_shortages_total") == 228);
  CHECK(of("pulsed_demoted_threads") == 229);
  CHECK(of("pulsed_demotions_total") == 230);
  CHECK(of("pulsed_demotions_refused_total") == 231);
  CHECK(of("pulsed_demotion_boosts_total") == 232);
  CHECK(of("pulsed_demoted_seconds_total") == 233.5);
  CHECK(of("pulsed_demotion_undo_seconds_count") == 1);
  CHECK(of("pulsed_tier_changes_total", {{"from", "monitor"}, {"to", "warn"}}) == 216);
  CHECK(of("pulsed_tier_changes_total", {{"from", "isolate"}, {"to", "yield"}}) == 217);
}

TEST_CASE("numbers of the daemon are where their names say") {
  const auto families = ExpositionReader::read(render(full_snapshot(), full_off_loop()));
  CHECK(value(families, "pulsed_policy_reloads_total") == 101);
  CHECK(value(families, "pulsed_policy_reload_failures_total") == 102);
  CHECK(value(families, "pulsed_attaches_total") == 103);
  CHECK(value(families, "pulsed_detaches_total") == 104);
  CHECK(value(families, "pulsed_attaches_refused_total") == 105);
  CHECK(value(families, "pulsed_quarantines_total") == 106);
  CHECK(value(families, "pulsed_folded_label_values_total") == 107);
  CHECK(value(families, "pulsed_samples_total") == 108);
  CHECK(value(families, "pulsed_high_priority") == 1);
  CHECK(value(families, "pulsed_can_demote") == 1);
  CHECK(value(families, "pulsed_demotions_undone_by_guardian_total") == 109);
  CHECK(value(families, "pulsed_exact_run_times") == 0);
  CHECK(value(families, "pulsed_tick_duration_seconds_count") == 1);
  CHECK(value(families, "pulsed_tick_lateness_seconds_count") == 2);
  CHECK(value(families, "pulsed_build_info", {{"version", "1.2.3"}}) == 1);
  CHECK(value(families, "pulsed_events_left_out_total") == 110);
  CHECK(value(families, "pulsed_policy_info",
              {{"revision", "7"}, {"enforcement", "enforce"}, {"enforcement_limit", "shadow"}}) ==
        1);
}

TEST_CASE("numbers from outside the control loop are where their names say") {
  const auto families = ExpositionReader::read(render(full_snapshot(), full_off_loop()));
  CHECK(value(families, "process_cpu_seconds_total") == 401.5);
  CHECK(value(families, "process_resident_memory_bytes") == 402);
  CHECK(value(families, "process_open_fds") == 403);
  CHECK(value(families, "process_max_fds") == 404);
  CHECK(value(families, "process_start_time_seconds") == 1.5);
  CHECK(value(families, "pulsed_http_connections_refused_total") == 405);
  CHECK(value(families, "pulsed_http_replies_refused_total") == 412);
  CHECK(value(families, "pulsed_http_watchers_refused_total") == 413);
  CHECK(value(families, "pulsed_http_watchers") == 414);
  CHECK(value(families, "pulsed_api_connections_refused_total") == 406);
  CHECK(value(families, "pulsed_api_calls_total",
              {{"method", "PolicyService/Update"}, {"code", "ABORTED"}}) == 408);
  CHECK(value(families, "pulsed_api_calls_total",
              {{"method", "MonitorService/GetStatus"}, {"code", "OK"}}) == 409);
  CHECK(value(families, "pulsed_revision_store_failures_total") == 410);
  CHECK(value(families, "pulsed_revisions_durable") == 1);
  CHECK(value(families, "pulsed_log_lines_dropped_total") == 411);
}

TEST_CASE("only tier changes that happened are shown") {
  for (const TextFamily& f : ExpositionReader::read(render(full_snapshot(), full_off_loop()))) {
    if (f.name == "pulsed_tier_changes_total") CHECK(f.samples.size() == 2);
  }
}

TEST_CASE("a daemon without services shows its own series and no empty family") {
  const auto families = ExpositionReader::read(render(Snapshot{}, full_off_loop()));
  for (const TextFamily& f : families) CHECK_FALSE(f.samples.empty());
  CHECK(value(families, "pulsed_attaches_total") == 0);
}

TEST_CASE("histogram buckets are cumulative in seconds and the last one is the count") {
  Snapshot s = full_snapshot();
  Histogram& h = s.classes[0].poll_duration;
  h = {};
  std::vector<std::uint64_t> observed;
  for (std::uint64_t ns = 1; ns < 40'000'000'000; ns += 1 + ns / 3) observed.push_back(ns);
  for (const std::uint64_t ns : observed) h.observe_ns(ns);
  for (const TextFamily& f : ExpositionReader::read(render(s, full_off_loop()))) {
    if (f.name != "pulsed_poll_duration_seconds") continue;
    std::vector<TextSample> buckets;
    for (const TextSample& sample : f.samples) {
      if (sample.name.ends_with("_bucket")) buckets.push_back(sample);
    }
    REQUIRE(buckets.size() == kPublishedDurationBoundsNs.size() + 1);
    for (std::size_t i = 0; i < kPublishedDurationBoundsNs.size(); ++i) {
      const std::uint64_t bound = kPublishedDurationBoundsNs[i];
      CHECK(buckets[i].value == static_cast<double>(std::ranges::count_if(
                                    observed, [=](auto ns) { return ns <= bound; })));
      CHECK(std::stod(buckets[i].labels.at("le")) ==
            doctest::Approx(static_cast<double>(bound) / 1e9));
    }
    CHECK(buckets.back().labels.at("le") == "+Inf");
    CHECK(buckets.back().value == static_cast<double>(h.count()));
    CHECK(f.samples[0].name == "pulsed_poll_duration_seconds_count");
    CHECK(f.samples[0].value == static_cast<double>(h.count()));
  }
}

TEST_CASE("counts stay exact to 2^53 and CPU time to the nanosecond") {
  Snapshot s = full_snapshot();
  s.classes[0].polls = (std::uint64_t{1} << 53) - 1;
  s.classes[0].cpu_ns = 1'234'567'123'456'789;
  const std::string text = render(s, full_off_loop());
  CHECK(text.find("} 9007199254740991\n") != std::string::npos);
  CHECK(text.find("} 1234567.123456789\n") != std::string::npos);
  s.classes[0].polls = std::numeric_limits<std::uint64_t>::max();
  CHECK(value(ExpositionReader::read(render(s, full_off_loop())), "pulsed_polls_total",
              of_class()) > 1.8e19);
}

TEST_CASE("hostile class names reach the reader escaped and never break a line") {
  const std::vector<std::string> names{
      "quote\"", "back\\slash", "line\nend", "} 1\npulsed_fake 2",
      "支払い",  "nul\0byte"s,  "caf\xe9",   "",
      "\\",      "\\n",         "\n",        std::string(4096, '"')};
  Snapshot s;
  for (const std::string& name : names) s.classes.push_back({.service = name, .task_class = name});
  std::set<std::string> seen;
  for (const TextFamily& f : ExpositionReader::read(render(s, full_off_loop()))) {
    CHECK(f.name != "pulsed_fake");
    if (f.name != "pulsed_polls_total") continue;
    for (const TextSample& sample : f.samples) {
      CHECK(sample.labels.at("service") == sample.labels.at("class"));
      seen.insert(sample.labels.at("class"));
    }
  }
  CHECK(seen == std::set<std::string>{"quote\"", "back\\slash", "line\nend", "} 1\npulsed_fake 2",
                                      "支払い", "nul\uFFFD00byte", "caf\uFFFDe9", "", "\\", "\\n",
                                      "\n", std::string(4096, '"')});
}

TEST_CASE("the locale of the process does not show") {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::string before = render(with_classes(2), full_off_loop());
  const std::locale old = std::locale::global(std::locale(std::locale(), new Comma));
  const std::string after = render(with_classes(2), full_off_loop());
  std::locale::global(old);
  CHECK(before == after);
}

TEST_CASE("ticks have bounds of their own") {
  Snapshot s;
  s.daemon.tick_duration.observe_ns(7'000'000);
  s.daemon.tick_lateness.observe_ns(12'000'000);
  const auto families = ExpositionReader::read(render(s, {}));
  const auto bucket = [&](std::string_view name, const std::string& le) {
    return value(families, name, {{"le", le}});
  };
  CHECK(bucket("pulsed_tick_duration_seconds_bucket", "0.005") == 0);
  CHECK(bucket("pulsed_tick_duration_seconds_bucket", "0.01") == 1);
  CHECK(bucket("pulsed_tick_lateness_seconds_bucket", "0.01") == 0);
  CHECK(bucket("pulsed_tick_lateness_seconds_bucket", "0.02") == 1);
}

}  // namespace
}  // namespace pulsed::metrics
