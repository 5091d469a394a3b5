#include "daemon/metrics/catalogue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "tests/daemon/metrics/lint.h"

namespace pulsed::metrics {
namespace {

std::string_view type_name(Type type) {
  constexpr std::array<std::string_view, 3> kNames{"counter", "gauge", "histogram"};
  return kNames[static_cast<std::size_t>(type)];
}

TEST_CASE("every series has a name of its own") {
  std::set<std::string_view> names;
  for (const Entry& e : catalogue()) CHECK(names.insert(e.name).second);
  CHECK(names.size() == kSeriesCount);
}

TEST_CASE("an entry is found by its series") {
  for (const Entry& e : catalogue()) CHECK(&entry(e.series) == &e);
}

TEST_CASE("the lint has nothing to say against the catalogue") {
  for (const Entry& e : catalogue()) {
    Described described{
        std::string(e.name), std::string(type_name(e.type)), std::string(e.help), {}};
    for (const std::string_view label : e.labels) {
      if (!label.empty()) described.labels.emplace(label);
    }
    CAPTURE(e.name);
    CHECK(lint(described) == "");
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

TEST_CASE("what has a class has its service, and what has neither is the daemon's") {
  for (const Entry& e : catalogue()) {
    CAPTURE(e.name);
    const auto has = [&](std::string_view label) {
      return std::ranges::find(e.labels, label) != e.labels.end();
    };
    CHECK(has("class") == (scope(e) == Scope::kClass));
    CHECK(has("service") == (scope(e) != Scope::kDaemon));
  }
}

}  // namespace
}  // namespace pulsed::metrics
