#include "daemon/history/differences.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <variant>

namespace pulsed::history {
namespace {

using namespace std::chrono_literals;
using policy::Tier;

ClassSnapshot cls(const std::string& name, std::uint64_t polls = 0, std::uint64_t cpu_ns = 0) {
  ClassSnapshot c;
  c.service = "shop";
  c.task_class = name;
  c.polls = polls;
  c.cpu_ns = cpu_ns;
  return c;
}

// Looks at what the test makes of it, one after the other.
struct Looking {
  Snapshot snapshot;
  Details details;

  Moment look(std::vector<Event> events = {}, std::uint64_t lost = 0) {
    return differences.next({.at = WallTime(1s),
                             .snapshot = std::make_shared<const Snapshot>(snapshot),
                             .details = std::make_shared<const Details>(details),
                             .events = std::move(events),
                             .events_lost = lost});
  }
  Differences differences;
};

Event held_ended() { return {.what = HeldPollEnded{}}; }

TEST_CASE("a daemon at rest shows nothing but itself") {
  Looking t;
  t.snapshot.daemon.version = "1.2.3";
  t.snapshot.classes = {cls("render", 10, 1000)};
  static_cast<void>(t.look());
  const Moment moment = t.look();
  CHECK(moment.daemon.version == "1.2.3");
  CHECK(moment.classes.empty());
  CHECK(moment.classes_left_out == 0);
  CHECK(moment.workers.empty());
  CHECK(moment.events.empty());
}

TEST_CASE("each count of a class is what came since the moment before") {
  Looking t;
  ClassSnapshot c = cls("render", 10, 1000);
  c.violations = 1;
  c.yields_obeyed = 2;
  c.isolated_polls = 3;
  c.demotions = 4;
  c.would_be = {.yields = 5, .isolated_polls = 6, .demotions = 7, .spare_wakes = 8, .cpu_ns = 9};
  t.snapshot.classes = {c};
  CHECK(t.look().classes.at(0).polls == 10);
  c.polls += 11;
  c.cpu_ns += 12;
  c.violations += 13;
  c.yields_obeyed += 14;
  c.isolated_polls += 15;
  c.demotions += 16;
  c.would_be = {
      .yields = 22, .isolated_polls = 24, .demotions = 26, .spare_wakes = 28, .cpu_ns = 30};
  t.snapshot.classes = {c};
  const ClassMoment shown = t.look().classes.at(0);
  CHECK(shown.polls == 11);
  CHECK(shown.cpu_ns == 12);
  CHECK(shown.violations == 13);
  CHECK(shown.yields == 14);
  CHECK(shown.isolated_polls == 15);
  CHECK(shown.demotions == 16);
  CHECK(shown.would_be == WouldBe{17, 18, 19, 20, 21});
  CHECK(t.look().classes.empty());
}

TEST_CASE("anything that moves or stands out shows a class, by itself") {
  const std::vector<std::function<void(ClassSnapshot&)>> changes{
      [](auto& c) { c.polls = 1; },
      [](auto& c) { c.cpu_ns = 1; },
      [](auto& c) { c.violations = 1; },
      [](auto& c) { c.yields_obeyed = 1; },
      [](auto& c) { c.isolated_polls = 1; },
      [](auto& c) { c.demotions = 1; },
      [](auto& c) { c.would_be.spare_wakes = 1; },
      [](auto& c) { c.poll_duration.observe_ns(1); },
      [](auto& c) { c.queue_wait.observe_ns(1); },
      [](auto& c) { c.tier = Tier::kWarn; },
      [](auto& c) { c.pinned = Tier::kMonitor; },
      [](auto& c) { c.tasks[3] = 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CAPTURE(i);
    Looking t;
    t.snapshot.classes = {cls("render")};
    t.snapshot.classes[0].tasks[0] = 5;
    CHECK(t.look().classes.empty());
    changes[i](t.snapshot.classes[0]);
    CHECK(t.look().classes.size() == 1);
  }
}

TEST_CASE("percentiles are of the polls since the moment before, as Prometheus reckons them") {
  Looking t;
  t.snapshot.classes = {cls("render", 1)};
  Histogram& polls = t.snapshot.classes[0].poll_duration;
  for (int i = 0; i < 1000; ++i) polls.observe_ns(50'000);
  static_cast<void>(t.look());
  for (int i = 0; i < 10; ++i) polls.observe_ns(3'000'000);  // 2 ms to 5 ms
  t.snapshot.classes[0].queue_wait.observe_ns(300'000);      // 200 us to 500 us
  const ClassMoment shown = t.look().classes.at(0);
  CHECK(shown.p50_ns == 3'500'000);
  CHECK(shown.p99_ns == 4'970'000);
  CHECK(shown.queue_p99_ns == 497'000);
  t.snapshot.classes[0].polls = 2;
  const ClassMoment without = t.look().classes.at(0);
  CHECK_FALSE(without.p50_ns.has_value());
  CHECK_FALSE(without.queue_p99_ns.has_value());
}

TEST_CASE("a class that is there anew counts from nothing, never backwards") {
  Looking t;
  t.snapshot.classes = {cls("render", 1000, 5'000'000)};
  t.snapshot.classes[0].poll_duration.observe_ns(50'000);
  t.snapshot.classes[0].poll_duration.observe_ns(3'000'000);
  static_cast<void>(t.look());
  t.snapshot.classes = {cls("render", 3, 700)};
  t.snapshot.classes[0].poll_duration.observe_ns(50'000);
  const ClassMoment shown = t.look().classes.at(0);
  CHECK(shown.polls == 3);
  CHECK(shown.cpu_ns == 700);
  CHECK(shown.p99_ns == 49'700);
}

TEST_CASE("classes that come, go and change places are told apart by both their names") {
  Looking t;
  t.snapshot.classes = {cls("a", 1), cls("b", 10), cls("c", 100), cls("d", 1000)};
  t.snapshot.classes[3].service = "mill";
  static_cast<void>(t.look());
  // b is gone, e is new, the rest is in another order; "d" of the shop is not the mill's.
  t.snapshot.classes = {cls("d", 7), cls("d", 1004), cls("e", 5), cls("c", 103), cls("a", 2)};
  t.snapshot.classes[1].service = "mill";
  for (std::size_t i = 0; i < 5; ++i) t.snapshot.classes[i].tier = Tier::kWarn;
  const auto shown = t.look().classes;
  REQUIRE(shown.size() == 5);
  const std::vector<std::uint64_t> polls{7, 4, 5, 3, 1};
  for (std::size_t i = 0; i < 5; ++i) CHECK(shown[i].polls == polls[i]);
}

TEST_CASE("fifty classes are listed, those with most CPU time first, the rest is counted") {
  for (const std::size_t count : {Moment::kMostClasses, Moment::kMostClasses + 3}) {
    Looking t;
    for (std::size_t i = 0; i < count; ++i)
      t.snapshot.classes.push_back(cls(std::to_string(i), 1, (i * 7) % count));
    const Moment moment = t.look();
    REQUIRE(moment.classes.size() == Moment::kMostClasses);
    CHECK(moment.classes_left_out == count - Moment::kMostClasses);
    for (std::size_t i = 0; i < moment.classes.size(); ++i)
      CHECK(moment.classes[i].cpu_ns == count - 1 - i);
  }
}

WorkerDetail worker(std::uint32_t line, std::uint64_t age_ns = 0) {
  WorkerDetail w;
  w.line = line;
  if (age_ns != 0) w.in_flight = PollDetail{.task_class = "render", .age_ns = age_ns};
  return w;
}

TEST_CASE("workers that poll come first, the longest in flight before all others") {
  Looking t;
  t.details.processes = {{.service = "shop", .pid = 7}};
  t.details.workers = {worker(0), worker(1, 5), worker(2), worker(3, 50), worker(4, 20)};
  const auto shown = t.look().workers;
  REQUIRE(shown.size() == 5);
  const std::vector<std::uint32_t> lines{3, 4, 1, 0, 2};
  for (std::size_t i = 0; i < 5; ++i) CHECK(shown[i].worker.line == lines[i]);
  CHECK(shown[0].service == "shop");
  CHECK(shown[0].pid == 7);
}

TEST_CASE("so many workers are listed, the rest is counted") {
  for (const std::uint32_t count : {128U, 131U}) {
    Looking t;
    t.details.processes = {{.service = "shop", .pid = 7}};
    for (std::uint32_t i = 0; i < count; ++i) t.details.workers.push_back(worker(i));
    t.details.workers.back() = worker(count - 1, 1);
    t.details.workers_left_out = 4;
    const Moment moment = t.look();
    CHECK(moment.workers.size() == Moment::kMostWorkers);
    CHECK(moment.workers[0].worker.line == count - 1);
    CHECK(moment.workers_left_out == count - Moment::kMostWorkers + 4);
  }
}

Event tier_changed(std::uint64_t sequence) { return {.sequence = sequence, .what = TierChanged{}}; }

TEST_CASE(
    "ends of held polls have a list of their own, both lists are bounded and what is over "
    "counted") {
  Looking t;
  std::vector<Event> events;
  for (std::uint64_t i = 1; i <= Moment::kMostOfTasks + 2; ++i) events.push_back(tier_changed(i));
  for (std::size_t i = 0; i < Moment::kMostEnded + 3; ++i) events.push_back(held_ended());
  const Moment moment = t.look(events, 5);
  REQUIRE(moment.events.size() == Moment::kMostOfTasks);
  CHECK(moment.events.front().sequence == 1);
  CHECK(moment.events.back().sequence == Moment::kMostOfTasks);
  CHECK(moment.events_left_out == 2 + 5);
  CHECK(moment.ended.size() == Moment::kMostEnded);
  CHECK(moment.ended_left_out == 3);
  events.resize(Moment::kMostOfTasks);
  CHECK(t.look(events).events_left_out == 0);
}

// One service's tasks make thousands in a tick, others come and go all the time, an operator does neither.
TEST_CASE("a flood of one kind of events leaves room for what is rarer") {
  Looking t;
  std::vector<Event> events;
  const auto happen = [&](auto what) {
    events.push_back({.sequence = events.size() + 1, .what = what});
  };
  for (std::size_t i = 0; i < 2 * Moment::kMostOfTasks; ++i) {
    happen(TierChanged{});
    happen(PollHeld{});
  }
  happen(ServiceQuarantined{});
  for (std::size_t i = 0; i < Moment::kMostOfServices; ++i) {
    happen(ServiceAttached{});
    happen(ServiceDetached{});
  }
  happen(PolicyChanged{});
  happen(PinChanged{});
  const Moment moment = t.look(events);
  std::array<std::size_t, std::variant_size_v<decltype(Event::what)>> shown{};
  for (const Event& event : moment.events) ++shown.at(event.what.index());
  const auto count = [&]<typename What>(What what) {
    return shown.at(Event{.what = what}.what.index());
  };
  CHECK(count(TierChanged{}) + count(PollHeld{}) == Moment::kMostOfTasks);
  CHECK(count(ServiceQuarantined{}) == 1);
  CHECK(count(ServiceAttached{}) + count(ServiceDetached{}) == Moment::kMostOfServices - 1);
  CHECK(count(PolicyChanged{}) == 1);
  CHECK(count(PinChanged{}) == 1);
  CHECK(moment.events_left_out == events.size() - moment.events.size());
  CHECK(std::ranges::is_sorted(moment.events, {}, &Event::sequence));
}

TEST_CASE("drops are counted by service, so that one that disappears takes none back") {
  Looking t;
  t.snapshot.services = {{.service = "a", .dropped_samples = 1000},
                         {.service = "b", .dropped_samples = 10}};
  t.snapshot.daemon.samples = 5;
  CHECK(t.look().daemon.dropped == 1010);
  t.snapshot.services = {{.service = "b", .dropped_samples = 13}};
  t.snapshot.daemon.samples = 8;
  const Moment moment = t.look();
  CHECK(moment.daemon.dropped == 3);
  CHECK(moment.daemon.samples == 3);
}

TEST_CASE("the length of ticks is that of those since the moment before") {
  Looking t;
  for (int i = 0; i < 1000; ++i) t.snapshot.daemon.tick_duration.observe_ns(50'000);
  static_cast<void>(t.look());
  t.snapshot.daemon.tick_duration.observe_ns(3'000'000);
  CHECK(t.look().daemon.tick_p99_ns == 4'970'000);
  CHECK(t.look().daemon.tick_p99_ns == 0);
}

}  // namespace
}  // namespace pulsed::history
