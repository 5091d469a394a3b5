// Tasks that go from class to class while some of what they posted waits for the isolation pool.
#include <doctest/doctest.h>
#include <pulsed/asio/weighted_queue.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <utility>

using namespace std::chrono_literals;
using pulsed::asio::detail::ClassCredit;
using pulsed::asio::detail::IsolatedClass;
using pulsed::asio::detail::WeightedQueue;
using Time = ClassCredit::Time;

namespace {

constexpr IsolatedClass kA{nullptr, 1};
constexpr IsolatedClass kB{nullptr, 2};
constexpr IsolatedClass kC{nullptr, 3};
constexpr int tasks[16] = {};  // by address

int pick(std::mt19937& random, int least, int most) {
  return std::uniform_int_distribution(least, most)(random);
}

// Polls of classes with weights 10, 1000 and 100 that have work all the time; the second is that of one task, which may have
// been of the first.
struct Shares {
  int polls[4] = {};

  explicit Shares(bool goes_over) {
    WeightedQueue<IsolatedClass> queue;
    const auto push = [&](const IsolatedClass& cls, int task) {
      queue.push(cls, kWeights[cls.id], &tasks[task], IsolatedClass(cls));
    };
    if (goes_over) push(kA, 0);
    for (int i = 0; i < 2; ++i) push(kB, 0);
    for (int i = 1; i <= 4; ++i) {
      push(kA, i);
      push(kC, 4 + i);
    }
    for (int i = 0; i < 11'100; ++i) {
      const auto taken = queue.take();
      const IsolatedClass cls = taken.item;
      ++polls[cls.id];
      CHECK(taken.turn.cls == cls);
      push(cls, cls == kB ? 0 : cls == kA ? 1 + i % 4 : 5 + i % 4);
      queue.end(taken.turn, 100us, kWeights[cls.id]);
    }
  }

  static constexpr std::uint32_t kWeights[4] = {0, 10, 1000, 100};
};

}  // namespace

// The guarantee: items of one task leave in the order they came, also while it goes from class to
// class with some of them waiting.
TEST_CASE("What is queued of one task keeps its order, whatever its class") {
  std::mt19937 random(7);
  WeightedQueue<std::pair<int, int>> queue;
  int next[4] = {};
  int expected[4] = {};
  std::uint16_t cls[4] = {};
  for (int i = 0; i < 50'000; ++i) {
    const int t = pick(random, 0, 3);
    if (pick(random, 0, 9) == 0) cls[t] = static_cast<std::uint16_t>(pick(random, 0, 5));
    if (queue.size() < 50 && pick(random, 0, 1) == 0) {
      queue.push({nullptr, cls[t]}, static_cast<std::uint32_t>(pick(random, 1, 1000)), &tasks[t],
                 std::pair(t, next[t]++));
    } else if (!queue.empty()) {
      const auto taken = queue.take();
      REQUIRE(taken.item.second == expected[taken.item.first]++);
      queue.end(taken.turn, Time{pick(random, 10'000, 10'000'000)}, 100);
    }
  }
}

TEST_CASE(
    "A task that went over to another class has that one's share, and the others keep theirs") {
  for (const bool goes_over : {false, true}) {
    CAPTURE(goes_over);
    const Shares shares(goes_over);
    CHECK(shares.polls[kA.id] == doctest::Approx(100).epsilon(0.1));
    CHECK(shares.polls[kB.id] == doctest::Approx(10'000).epsilon(0.02));
    CHECK(shares.polls[kC.id] == doctest::Approx(1'000).epsilon(0.05));
  }
}

TEST_CASE("A class that is only waited for is not forgotten before its items come, and is after") {
  WeightedQueue<int> queue;
  queue.push(kA, 100, &tasks[0], 1);
  queue.push(kB, 100, &tasks[0], 2);
  queue.push(kA, 100, &tasks[0], 3);
  queue.push(kC, 1000, &tasks[1], 0);
  int next = 1;
  while (!queue.empty()) {
    const auto taken = queue.take();
    if (taken.item == 0) {
      if (next <= 3) queue.push(kC, 1000, &tasks[1], 0);
    } else {
      CHECK(taken.item == next++);
      CHECK(taken.turn.cls == (taken.item == 2 ? kB : kA));
    }
    queue.end(taken.turn, 1ms, 100);
  }
  CHECK(next == 4);
  CHECK(queue.classes() == 0);
}
