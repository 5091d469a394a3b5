#include "daemon/ctl/top/rows.h"

#include <doctest/doctest.h>

#include "tests/daemon/ctl/top/readings.h"

namespace pulsed::ctl::top {
namespace {

using namespace testing;

TEST_CASE("a rate is what a total grew by between two readings, per second") {
  Reading before = reading_at(0s);
  add_class(before, "shop", "render", 100, 1s).violations = 4;
  Reading now = reading_at(2s);
  add_class(now, "shop", "render", 700, 4s).violations = 5;
  now.classes[0].done = {.yields = 10, .isolated_polls = 20, .demotions = 2};
  now.classes[0].would_be_cpu = 500ms;
  const Rows rows = rows_of(now, &before);
  REQUIRE(rows.classes.size() == 1);
  CHECK(rows.classes[0].load.polls == 300.0);
  CHECK(rows.classes[0].load.cpu == 1.5);
  CHECK(rows.classes[0].load.violations == 0.5);
  CHECK(rows.classes[0].done.yields == 5.0);
  CHECK(rows.classes[0].done.isolated_polls == 10.0);
  CHECK(rows.classes[0].done.demotions == 1.0);
  CHECK(rows.classes[0].would_be_cpu == 0.25);
}

TEST_CASE("the first reading has no rates") {
  Reading now = reading_at(0s);
  add_class(now, "shop", "render", 700);
  const Rows rows = rows_of(now, nullptr);
  CHECK_FALSE(rows.classes[0].load.polls);
  CHECK_FALSE(rows.samples);
}

TEST_CASE("a daemon that began anew gives no rates, whether its totals are lower or higher") {
  for (const std::uint64_t polls : {50U, 5000U}) {
    Reading before = reading_at(0s);
    add_class(before, "shop", "render", 700, 4s);
    before.status.samples = 700;
    Reading now = reading_at(2s);
    add_class(now, "shop", "render", polls, 1s);
    now.status.started_at += 1s;
    now.status.samples = polls;
    const Rows rows = rows_of(now, &before);
    CHECK_FALSE(rows.classes[0].load.polls);
    CHECK_FALSE(rows.classes[0].load.cpu);
    CHECK_FALSE(rows.samples);
  }
}

TEST_CASE("a total that fell gives no rate, though others of the same class do") {
  Reading before = reading_at(0s);
  add_class(before, "shop", "render", 700, 4s);
  Reading now = reading_at(2s);
  add_class(now, "shop", "render", 699, 6s);
  const Rows rows = rows_of(now, &before);
  CHECK_FALSE(rows.classes[0].load.polls);
  CHECK(rows.classes[0].load.cpu == 1.0);
}

TEST_CASE("a class seen for the first time has no rates yet") {
  Reading before = reading_at(0s);
  add_class(before, "shop", "render", 700);
  Reading now = reading_at(2s);
  add_class(now, "shop", "render", 900);
  add_class(now, "shop", "export", 1'000'000);
  add_class(now, "mail", "render", 1'000'000);
  const Rows rows = rows_of(now, &before);
  CHECK(rows.classes[0].load.polls == 100.0);
  CHECK_FALSE(rows.classes[1].load.polls);
  CHECK_FALSE(rows.classes[2].load.polls);
}

TEST_CASE("two readings of the same instant give no rates") {
  Reading before = reading_at(0s);
  add_class(before, "shop", "render", 700);
  Reading now = reading_at(0s);
  add_class(now, "shop", "render", 900);
  CHECK_FALSE(rows_of(now, &before).classes[0].load.polls);
}

TEST_CASE("processes of one name are one row that adds them up") {
  Reading before = reading_at(0s);
  add_class(before, "shop", "render", 0);
  add_class(before, "shop", "export", 0);
  Reading now = reading_at(1s);
  add_class(now, "shop", "render", 30, 100ms).poll_p99 = 2ms;
  add_class(now, "shop", "export", 4, 900ms).poll_p99 = 20ms;
  add_service(now, "shop", 11).tasks = 5;
  add_service(now, "mail", 12);
  ServiceReading& second = add_service(now, "shop", 13);
  second.tasks = 6;
  second.quarantined = true;
  const Rows rows = rows_of(now, &before);
  REQUIRE(rows.services.size() == 2);
  const ServiceRow& shop = rows.services[1];
  CHECK(shop.service == "shop");
  CHECK(shop.processes == 2);
  CHECK(shop.pid == 11);
  CHECK(shop.tasks == 11);
  CHECK(shop.quarantined);
  CHECK(shop.load.polls == 34.0);
  CHECK(*shop.load.cpu == doctest::Approx(1.0));
  CHECK(shop.poll_p99 == 20ms);
}

TEST_CASE("a class shows the oldest of its polls in flight, and only of its service") {
  Reading now = reading_at(0s);
  add_class(now, "shop", "render", 0);
  add_class(now, "mail", "render", 0);
  add_worker(now, "shop", 0).in_flight = PollReading{.task_class = "render", .age = 3ms};
  add_worker(now, "shop", 1).in_flight = PollReading{
      .task_class = "render", .age = 40ms, .blame = Blame::kBurning, .over_budget = true};
  add_worker(now, "shop", 2).in_flight = PollReading{.task_class = "export", .age = 90ms};
  add_worker(now, "shop", 3);
  const Rows rows = rows_of(now, nullptr);
  REQUIRE(rows.classes[0].oldest);
  CHECK(rows.classes[0].oldest->age == 40ms);
  CHECK(rows.classes[0].oldest->blame == Blame::kBurning);
  CHECK(rows.classes[0].oldest->over_budget);
  CHECK(rows.classes[0].in_flight == 2);
  CHECK_FALSE(rows.classes[1].oldest);
}

TEST_CASE("a service takes the blame from its workers where they know the same poll") {
  Reading now = reading_at(0s);
  add_service(now, "shop", 7).longest_in_flight = 40ms;
  add_worker(now, "shop", 0).in_flight =
      PollReading{.task_class = "render", .age = 40ms, .blame = Blame::kBlocked};
  const Rows rows = rows_of(now, nullptr);
  REQUIRE(rows.services[0].oldest);
  CHECK(rows.services[0].oldest->blame == Blame::kBlocked);
}

}  // namespace
}  // namespace pulsed::ctl::top
