#include "daemon/event_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>

namespace pulsed {
namespace {

using namespace std::chrono_literals;

Event event_of(std::uint64_t revision) {
  Event event;
  event.what = PolicyChanged{revision, policy::Enforcement::kShadow};
  return event;
}

std::vector<Event> events_of(std::uint64_t first, std::uint64_t count) {
  std::vector<Event> events;
  for (std::uint64_t i = 0; i < count; ++i) events.push_back(event_of(first + i));
  return events;
}

std::uint64_t revision_of(const Event& event) {
  return std::get<PolicyChanged>(event.what).revision;
}

TEST_CASE("events are numbered from 1 in the order they came, and a reader goes on where it was") {
  EventLog log;
  CHECK(log.last() == 0);
  CHECK(log.after(0, 10).value().empty());
  std::vector<Event> events = events_of(100, 3);
  log.append(events);
  CHECK(events.empty());
  events = events_of(103, 2);
  log.append(events);
  CHECK(log.last() == 5);
  const auto first = log.after(0, 2);
  REQUIRE(first.has_value());
  REQUIRE(first->size() == 2);
  CHECK(first->at(0).sequence == 1);
  CHECK(revision_of(first->at(1)) == 101);
  const auto rest = log.after(2, 100);
  REQUIRE(rest->size() == 3);
  CHECK(rest->front().sequence == 3);
  CHECK(revision_of(rest->back()) == 104);
  CHECK(log.after(5, 1)->empty());
}

TEST_CASE("what was never given, or is no longer kept, is refused") {
  EventLog log;
  std::vector<Event> events = events_of(1, 10);
  log.append(events);
  CHECK_FALSE(log.after(11, 1).has_value());
  for (int i = 0; i < 4; ++i) {
    events = events_of(1, EventLog::kKept / 4);
    log.append(events);
  }
  CHECK(log.last() == EventLog::kKept + 10);
  CHECK_FALSE(log.after(9, 1).has_value());
  const auto oldest = log.after(10, 1);
  REQUIRE(oldest.has_value());
  CHECK(oldest->at(0).sequence == 11);
}

TEST_CASE(
    "of more at once than are kept the oldest are lost with their numbers, and no reader goes on "
    "over it") {
  EventLog log;
  std::vector<Event> events = events_of(1, 5);
  log.append(events);
  events = events_of(1, EventLog::kKept + 7);
  log.append(events);
  CHECK(log.last() == 5 + 7 + EventLog::kKept);
  CHECK(log.lost() == 7);
  CHECK_FALSE(log.after(5, 1).has_value());
  const auto kept = log.after(12, 1);
  REQUIRE(kept.has_value());
  CHECK(revision_of(kept->at(0)) == 8);
}

TEST_CASE("a reader that waits is told, and one that waits for nothing gives up") {
  EventLog log;
  CHECK_FALSE(log.wait(0, 1ms));
  std::thread writer([&] {
    std::vector<Event> events = events_of(1, 1);
    while (!events.empty()) log.append(events);
  });
  CHECK(log.wait(0, 1min));
  writer.join();
}

TEST_CASE("two logs have two epochs") { CHECK(EventLog{}.epoch() != EventLog{}.epoch()); }

// Readers that keep up see every event once and in order, whatever the writer could not hand over at once.
TEST_CASE("concurrent readers see all events in order, and the writer never waits for them") {
  constexpr std::uint64_t kEvents = 20'000;
  constexpr int kReaders = 3;
  EventLog log;
  std::array<std::atomic<std::uint64_t>, kReaders> at{};
  std::atomic<bool> wrong{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      std::uint64_t seen = 0;
      while (seen < kEvents) {
        log.wait(seen, 1s);
        const auto events = log.after(seen, 64);
        if (!events) break;
        for (const Event& event : *events) {
          if (event.sequence != seen + 1 || revision_of(event) != event.sequence) wrong = true;
          seen = event.sequence;
        }
        at[static_cast<std::size_t>(r)] = seen;
      }
      if (seen != kEvents) wrong = true;
      at[static_cast<std::size_t>(r)] = kEvents;
    });
  }
  std::vector<Event> events;
  std::uint64_t made = 0;
  while (made < kEvents || !events.empty()) {
    for (int i = 0; i < 20 && made < kEvents; ++i) events.push_back(event_of(++made));
    log.append(events);
    // Never further ahead than is kept.
    const auto behind = [&] {
      return std::any_of(at.begin(), at.end(),
                         [&](const auto& a) { return a + EventLog::kKept / 2 < made; });
    };
    while (behind()) {
      log.append(events);
      std::this_thread::yield();
    }
  }
  for (std::thread& reader : readers) reader.join();
  CHECK_FALSE(wrong);
}

}  // namespace
}  // namespace pulsed
