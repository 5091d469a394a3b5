// What is kept, and what one who comes back is given.
#include "daemon/history/history.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace pulsed::history {
namespace {

constexpr std::size_t kAll = 1'000'000;

std::string text(const History& history, std::uint64_t number, const std::string& json) {
  return "id: " + history.epoch() + '-' + std::to_string(number) +
         "\nevent: moment\ndata: " + json + "\n\n";
}

struct Kept {
  explicit Kept(int count, History::Limits limits = {}) : history(limits) {
    for (int i = 1; i <= count; ++i) history.append(std::to_string(i));
  }
  [[nodiscard]] std::uint64_t wanted_after(const std::string& number) const {
    return history.wanted_after(history.epoch() + '-' + number);
  }
  History history;
};

TEST_CASE("a moment is a server-sent event that names the run of the daemon and counts up") {
  Kept k(3);
  const auto found = k.history.from(1, kAll);
  CHECK_FALSE(found.lost);
  REQUIRE(found.texts.size() == 3);
  for (std::uint64_t n = 1; n <= 3; ++n)
    CHECK(*found.texts[n - 1] == text(k.history, n, std::to_string(n)));
  CHECK(k.history.last() == 3);
}

TEST_CASE("two runs of the daemon have different epochs") {
  CHECK(History().epoch() != History().epoch());
  CHECK(History().epoch().size() == 16);
}

TEST_CASE("nothing is kept at first, and what is yet to come is waited for") {
  const Kept k(0);
  CHECK(k.history.last() == 0);
  CHECK(k.history.wanted_after("") == 1);
  CHECK(k.history.from(1, kAll).texts.empty());
  CHECK_FALSE(k.history.from(1, kAll).lost);
}

TEST_CASE("six hundred moments are kept, of one more the oldest goes") {
  Kept k(600);
  CHECK(k.history.from(1, kAll).texts.size() == 600);
  k.history.append("601");
  CHECK(k.history.from(1, kAll).lost);
  const auto found = k.history.from(2, kAll);
  REQUIRE(found.texts.size() == 600);
  CHECK(*found.texts.front() == text(k.history, 2, "2"));
  CHECK(*found.texts.back() == text(k.history, 601, "601"));
}

TEST_CASE("so many bytes are kept, of one more the oldest goes") {
  const std::size_t one = text(History(), 1, std::string(100, 'x')).size();
  for (const std::size_t spare : {std::size_t{0}, std::size_t{1}}) {
    History history({.moments = 600, .bytes = 5 * one - spare});
    for (int i = 0; i < 5; ++i) history.append(std::string(100, 'x'));
    CHECK(history.from(history.wanted_after(""), kAll).texts.size() == 5 - spare);
  }
}

TEST_CASE("a moment that makes room is followed by smaller ones that fill it again") {
  History history({.moments = 600, .bytes = 10'000});
  for (int i = 0; i < 50; ++i) history.append("{}");
  history.append(std::string(9'500, 'x'));
  CHECK(history.from(history.wanted_after(""), kAll).texts.size() < 20);
  for (int i = 0; i < 100; ++i) history.append("{}");
  std::size_t bytes = 0;
  for (const auto& kept : history.from(history.wanted_after(""), kAll).texts) bytes += kept->size();
  CHECK(bytes <= 10'000);
  CHECK(history.from(history.wanted_after(""), kAll).texts.size() == 100);
}

TEST_CASE("the newest moment is kept, however long it is") {
  History history({.moments = 600, .bytes = 10});
  history.append("1");
  history.append("2");
  CHECK(history.from(1, kAll).lost);
  CHECK(history.from(2, kAll).texts.size() == 1);
}

TEST_CASE("who saw a moment of this run wants the next, as far as it is kept") {
  const Kept k(10, {.moments = 5});
  CHECK(k.wanted_after("10") == 11);
  CHECK(k.wanted_after("9") == 10);
  CHECK(k.wanted_after("5") == 6);
  CHECK(k.wanted_after("2") == 6);
  CHECK(k.wanted_after("0") == 6);
}

TEST_CASE("who saw nothing of this run wants all that is kept") {
  const Kept k(10, {.moments = 5});
  CHECK(k.history.wanted_after("") == 6);
  CHECK(k.history.wanted_after(History().epoch() + "-9") == 6);
  CHECK(k.history.wanted_after(k.history.epoch()) == 6);
  for (const char* nonsense : {"", "11", "-1", "9 ", " 9", "9x", "0x9", "+9", "9-9", "9.0",
                               "99999999999999999999999999", "18446744073709551615"}) {
    CAPTURE(nonsense);
    CHECK(k.wanted_after(nonsense) == 6);
  }
}

TEST_CASE("no more moments are given than were asked for") {
  const Kept k(10);
  CHECK(k.history.from(1, 3).texts.size() == 3);
  CHECK(*k.history.from(4, 3).texts.front() == text(k.history, 4, "4"));
  CHECK(k.history.from(10, 3).texts.size() == 1);
}

TEST_CASE("who gave a call is called after each moment, and no more once it is taken back") {
  History history;
  int calls = 0;
  history.on_append([&] { calls += history.last() == 1 ? 1 : 100; });
  history.append("1");
  CHECK(calls == 1);
  history.on_append({});
  history.append("2");
  CHECK(calls == 1);
}

// Whoever follows sees every moment once, in order, or is told that some are lost; whoever takes a call back is not called
// any more when that returns.
TEST_CASE("watchers follow while the recorder appends") {
  constexpr std::uint64_t kMoments = 20'000;
  History history({.moments = 50, .bytes = 1'000'000});
  std::atomic<std::uint64_t> told{0};
  history.on_append([&] { told.fetch_add(1); });
  std::vector<std::thread> watchers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 3; ++i) {
    watchers.emplace_back([&] {
      std::uint64_t wanted = history.wanted_after("");
      while (wanted <= kMoments) {
        const auto found = history.from(wanted, 7);
        for (const auto& kept : found.texts) {
          if (*kept != text(history, wanted, std::to_string(wanted))) ++wrong;
          ++wanted;
        }
        if (found.lost) wanted = history.wanted_after("");
      }
    });
  }
  for (std::uint64_t i = 1; i <= kMoments; ++i) history.append(std::to_string(i));
  history.on_append({});
  for (std::thread& watcher : watchers) watcher.join();
  CHECK(wrong == 0);
  CHECK(told == kMoments);
}

}  // namespace
}  // namespace pulsed::history
