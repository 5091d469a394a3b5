#include "daemon/metrics/catalogue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace pulsed::metrics {
namespace {

TEST_CASE("every series has a name of its own that begins with pulsed_") {
  std::set<std::string_view> names;
  for (const Entry& e : catalogue()) {
    CAPTURE(e.name);
    CHECK(e.name.starts_with("pulsed_"));
    CHECK(e.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(names.insert(e.name).second);
  }
  CHECK(names.size() == kSeriesCount);
}

TEST_CASE("an entry is found by its series") {
  for (const Entry& e : catalogue()) CHECK(&entry(e.series) == &e);
}

TEST_CASE("counters and nothing else end in _total") {
  for (const Entry& e : catalogue()) {
    CAPTURE(e.name);
    CHECK(e.name.ends_with("_total") == (e.type == Type::kCounter));
  }
}

TEST_CASE("names use base units and leave the suffixes of histograms alone") {
  for (const Entry& e : catalogue()) {
    CAPTURE(e.name);
    for (const std::string_view unit :
         {"_ms", "_us", "_ns", "milli", "micro", "nano", "_kb", "_mb", "percent", "minutes"}) {
      CHECK(e.name.find(unit) == std::string_view::npos);
    }
    for (const std::string_view suffix : {"_count", "_sum", "_bucket"}) {
      CHECK_FALSE(e.name.ends_with(suffix));
    }
    if (e.type == Type::kHistogram) CHECK(e.name.ends_with("_seconds"));
  }
}

TEST_CASE("help is a sentence that says more than the name") {
  for (const Entry& e : catalogue()) {
    CAPTURE(e.name);
    CHECK(e.help.size() >= 20);
    CHECK(e.help.ends_with('.'));
  }
}

TEST_CASE("label names are fit for Prometheus and none stands after an empty one") {
  for (const Entry& e : catalogue()) {
    CAPTURE(e.name);
    const auto end = std::ranges::find(e.labels, std::string_view());
    CHECK(std::all_of(end, e.labels.end(), [](std::string_view l) { return l.empty(); }));
    std::set<std::string_view> seen;
    for (auto label = e.labels.begin(); label != end; ++label) {
      CHECK(label->find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
      CHECK(*label != "le");
      CHECK(seen.insert(*label).second);
    }
  }
}

TEST_CASE("a class makes at most 40 series") {
  CHECK(series_per_class() > 30);
  CHECK(series_per_class() <= kMaxSeriesPerClass);
}

}  // namespace
}  // namespace pulsed::metrics
