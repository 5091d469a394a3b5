#include "daemon/ctl/top/listing.h"

#include <doctest/doctest.h>

#include "daemon/ctl/top/filter.h"
#include "tests/daemon/ctl/top/readings.h"

namespace pulsed::ctl::top {
namespace {

using namespace testing;

// Names of classes in the order listed.
std::vector<std::string> names(const Rows& rows, const Listing& listing) {
  std::vector<std::string> out;
  for (const std::size_t row : listing.rows) out.push_back(rows.classes[row].reading.task_class);
  return out;
}

Rows classes_with_polls(const std::vector<std::pair<std::string, std::uint64_t>>& polls) {
  Reading before = reading_at(0s);
  Reading now = reading_at(1s);
  for (const auto& [name, count] : polls) {
    add_class(before, "shop", name, 0);
    add_class(now, "shop", name, count);
  }
  return rows_of(now, &before);
}

TEST_CASE("the largest come first, reversed the smallest, and what is not known comes last") {
  Reading before = reading_at(0s);
  Reading now = reading_at(1s);
  for (const auto& [name, count] : {std::pair{"a", 5U}, {"b", 50U}, {"c", 1U}}) {
    add_class(before, "shop", name, 0);
    add_class(now, "shop", name, count);
  }
  add_class(now, "shop", "new", 9);
  const Rows rows = rows_of(now, &before);
  const auto sorted = [&](Order order) {
    return names(rows, list(rows, View::kClasses, {}, order, ""));
  };
  CHECK(sorted({SortKey::kPolls}) == std::vector<std::string>{"b", "a", "c", "new"});
  CHECK(sorted({SortKey::kPolls, true}) == std::vector<std::string>{"new", "c", "a", "b"});
  CHECK(sorted({SortKey::kName}) == std::vector<std::string>{"a", "b", "c", "new"});
  CHECK(sorted({SortKey::kName, true}) == std::vector<std::string>{"new", "c", "b", "a"});
}

TEST_CASE("equal rows keep their order whatever the order of the reading, reversed or not") {
  const Rows one = classes_with_polls({{"a", 7}, {"b", 7}, {"c", 7}, {"d", 9}});
  const Rows other = classes_with_polls({{"c", 7}, {"d", 9}, {"a", 7}, {"b", 7}});
  for (const bool reversed : {false, true}) {
    const Order order{SortKey::kPolls, reversed};
    CHECK(names(one, list(one, View::kClasses, {}, order, "")) ==
          names(other, list(other, View::kClasses, {}, order, "")));
  }
  CHECK(names(one, list(one, View::kClasses, {}, {SortKey::kPolls}, "")) ==
        std::vector<std::string>{"d", "a", "b", "c"});
}

TEST_CASE("each key sorts by its own column") {
  Reading before = reading_at(0s);
  Reading now = reading_at(1s);
  for (const char* name : {"a", "b", "c"}) add_class(before, "shop", name, 0);
  add_class(now, "shop", "a", 1, 5ms);
  add_class(now, "shop", "b", 2, 1ms).violations = 2;
  add_class(now, "shop", "c", 0, 0ms);
  add_worker(now, "shop", 0).in_flight = PollReading{.task_class = "c", .age = 1s};
  const Rows rows = rows_of(now, &before);
  const auto first = [&](SortKey key) {
    return names(rows, list(rows, View::kClasses, {}, {key}, ""))[0];
  };
  CHECK(first(SortKey::kCpu) == "a");
  CHECK(first(SortKey::kPolls) == "b");
  CHECK(first(SortKey::kViolations) == "b");
  CHECK(first(SortKey::kAge) == "c");
}

TEST_CASE("workers are sorted by the age and the CPU time of what they poll, the idle ones last") {
  Reading now = reading_at(0s);
  add_worker(now, "shop", 0);
  add_worker(now, "shop", 1).in_flight = PollReading{.age = 1ms, .cpu = 900us};
  add_worker(now, "shop", 2).in_flight = PollReading{.age = 5ms, .cpu = 2us};
  const Rows rows = rows_of(now, nullptr);
  CHECK(list(rows, View::kWorkers, {}, {SortKey::kAge}, "").rows ==
        std::vector<std::size_t>{2, 1, 0});
  CHECK(list(rows, View::kWorkers, {}, {SortKey::kCpu}, "").rows ==
        std::vector<std::size_t>{1, 2, 0});
  CHECK_FALSE(sorts_by(View::kWorkers, SortKey::kPolls));
  CHECK(sorts_by(View::kClasses, SortKey::kPolls));
}

TEST_CASE("workers are in the order of their numbers where they are equal") {
  Reading now = reading_at(0s);
  for (const std::uint32_t line : {10U, 9U, 100U, 1U}) add_worker(now, "shop", line);
  const Rows rows = rows_of(now, nullptr);
  CHECK(list(rows, View::kWorkers, {}, {SortKey::kAge}, "").rows ==
        std::vector<std::size_t>{3, 1, 0, 2});
}

TEST_CASE("a scope shows what belongs to it alone") {
  Reading now = reading_at(0s);
  add_class(now, "shop", "render", 0);
  add_class(now, "mail", "render", 0);
  add_worker(now, "shop", 0).in_flight = PollReading{.task_class = "render"};
  add_worker(now, "shop", 1).in_flight = PollReading{.task_class = "export"};
  add_worker(now, "shop", 2);
  add_worker(now, "mail", 0).in_flight = PollReading{.task_class = "render"};
  const Rows rows = rows_of(now, nullptr);
  CHECK(list(rows, View::kClasses, {"shop", {}}, {}, "").rows == std::vector<std::size_t>{0});
  CHECK(list(rows, View::kWorkers, {"shop", {}}, {SortKey::kName}, "").rows.size() == 3);
  CHECK(list(rows, View::kWorkers, {"shop", "render"}, {}, "").rows == std::vector<std::size_t>{0});
}

TEST_CASE("the filter is counted against what it left out, and looks at what the row shows") {
  Reading now = reading_at(0s);
  add_class(now, "shop", "render", 0);
  add_class(now, "shop", "", 0);
  add_class(now, "mail", "send", 0);
  const Rows rows = rows_of(now, nullptr);
  const Listing listing = list(rows, View::kClasses, {}, {}, "shop");
  CHECK(listing.rows.size() == 2);
  CHECK(listing.in_scope == 3);
  CHECK(list(rows, View::kClasses, {"shop", {}}, {}, "shop").rows.empty());
  CHECK(list(rows, View::kClasses, {}, {}, "no class").rows.size() == 1);
}

TEST_CASE("a filter is a part of the text, or a glob over all of it, in upper or lower case") {
  CHECK(passes("", "anything"));
  CHECK(passes("END", "/render"));
  CHECK_FALSE(passes("rendr", "/render"));
  CHECK(passes("*end*", "/render"));
  CHECK(passes("/r?nder", "/Render"));
  CHECK_FALSE(passes("r?nder", "/render"));
  CHECK_FALSE(passes("*/rend", "/render"));
  CHECK(passes("*", ""));
  CHECK(passes("a*b*c", "aXbYbZc"));
  CHECK_FALSE(passes("a*b*c", "aXbYbZ"));
  CHECK_FALSE(passes("?", ""));
}

}  // namespace
}  // namespace pulsed::ctl::top
