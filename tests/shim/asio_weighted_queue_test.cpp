// The isolation pool's queue without the pool: shares, turns, order and what is forgotten, in time that the test makes up.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "tests/shim/asio/queue_scene.h"

using namespace std::chrono_literals;
using pulsed::asio::detail::ClassCredit;
using pulsed::asio::detail::IsolatedClass;
using pulsed::test::QueueScene;
using pulsed::test::Time;

namespace {

using Queue = pulsed::asio::detail::WeightedQueue<int>;

constexpr IsolatedClass kA{nullptr, 1};
constexpr IsolatedClass kB{nullptr, 2};
constexpr int tasks[4] = {};  // by address

std::function<Time()> always(Time cost) {
  return [cost] { return cost; };
}

class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {}
  int pick(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  // From 10 us on, short ones being as likely as long ones.
  Time cost(Time most) {
    const double span = std::log(static_cast<double>(most / 10us));
    return std::chrono::duration_cast<Time>(10us * std::exp(uniform_(random_) * span));
  }

 private:
  std::mt19937 random_;
  std::uniform_real_distribution<double> uniform_{0, 1};
};

double share(const QueueScene& scene, std::size_t cls) {
  Time all{};
  for (const auto& c : scene.classes) all += c.used;
  return static_cast<double>(scene.classes[cls].used.count()) / static_cast<double>(all.count());
}

// Takes and ends `count` items of an endless supply of both classes.
std::map<std::uint16_t, int> served(Queue& queue, int count, Time cost, std::uint32_t a,
                                    std::uint32_t b) {
  std::map<std::uint16_t, int> polls;
  for (int i = 0; i < count; ++i) {
    queue.push(kA, a, &tasks[0], 0);
    queue.push(kB, b, &tasks[1], 0);
    const auto taken = queue.take();
    ++polls[taken.turn.cls.id];
    queue.end(taken.turn, cost, taken.turn.cls == kA ? a : b);
  }
  return polls;
}

}  // namespace

TEST_CASE("With one class it is a queue as any") {
  Random random(1);
  Queue queue;
  std::deque<int> model;
  std::deque<Queue::Turn> running;
  for (int i = 0; i < 20'000; ++i) {
    const int what = random.pick(0, 2);
    if (what == 0) {
      const auto weight = static_cast<std::uint32_t>(random.pick(1, 1000));
      queue.push(kA, weight, &tasks[random.pick(0, 3)], int{i});
      model.push_back(i);
    } else if (what == 1 && !queue.empty()) {
      const auto taken = queue.take();
      REQUIRE(taken.item == model.front());
      model.pop_front();
      running.push_back(taken.turn);
    } else if (!running.empty()) {
      queue.end(running.front(), random.cost(1s), static_cast<std::uint32_t>(random.pick(1, 1000)));
      running.pop_front();
    }
    REQUIRE(queue.size() == model.size());
  }
}

// The guarantee: classes that always have work have used, whenever one looks, times in the proportion
// of their weights: on one thread up to the longest poll and one round's credit, on several up to as
// many polls as these run at once, for either class.
TEST_CASE("Shares are as the weights, but for the longest polls, at every moment") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    const int threads = seed % 2 == 0 ? 4 : 1;
    const double polls = threads == 1 ? 1 : 2 * threads;
    std::vector<QueueScene::Class> classes(static_cast<std::size_t>(random.pick(2, 6)));
    double longest = 0;  // of all, in what a weight of 1 gets
    for (auto& c : classes) {
      c.weight = static_cast<std::uint32_t>(random.pick(1, 1000));
      const Time most = random.cost(100ms);
      c.cost = [&random, most] { return std::min(random.cost(100ms), most); };
      longest = std::max(longest, static_cast<double>(most.count()) / c.weight);
    }
    const double slack = polls * longest + static_cast<double>(ClassCredit::kUnit.count());
    QueueScene scene(classes, threads);
    for (int i = 0; i < 5'000; ++i) {
      scene.step();
      std::vector<double> used;
      for (const auto& c : scene.classes) {
        used.push_back(static_cast<double>(c.used.count()) / c.weight);
      }
      const auto [least, most] = std::minmax_element(used.begin(), used.end());
      REQUIRE(*most - *least <= slack);
    }
  }
}

TEST_CASE("Shares of several threads are as the weights over a long run") {
  for (const int threads : {2, 4, 16}) {
    for (const Time most : {50us, 1'000us, 20'000us}) {
      Random random(static_cast<std::uint32_t>(threads));
      const auto cost = [&] { return random.cost(most); };
      QueueScene scene({{.weight = 100, .cost = cost},
                        {.weight = 300, .cost = cost},
                        {.weight = 600, .cost = cost}},
                       threads);
      scene.run(5s);
      CAPTURE(threads);
      CAPTURE(most.count());
      CHECK(share(scene, 0) == doctest::Approx(0.1).epsilon(0.05));
      CHECK(share(scene, 1) == doctest::Approx(0.3).epsilon(0.05));
      CHECK(share(scene, 2) == doctest::Approx(0.6).epsilon(0.05));
    }
  }
}

TEST_CASE("Classes of one chain each share a thread by weight") {
  QueueScene scene({{.weight = 300, .cost = always(250us), .tasks = 1},
                    {.weight = 100, .cost = always(250us), .tasks = 1}},
                   1);
  scene.run(1s);
  CHECK(scene.classes[0].polls == doctest::Approx(3 * scene.classes[1].polls).epsilon(0.01));
}

TEST_CASE("Chains that could use more than their share of the threads get their share") {
  QueueScene scene(
      {{.weight = 100, .cost = always(10ms), .tasks = 3}, {.weight = 100, .cost = always(1ms)}}, 4);
  scene.run(5s);
  CHECK(share(scene, 0) == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("A chain that cannot use more than a thread has it, beside a class with work for all") {
  for (const Time cost : {20us, 10'000us}) {
    QueueScene scene(
        {{.weight = 100, .cost = always(cost), .tasks = 1}, {.weight = 100, .cost = always(1ms)}},
        2);
    scene.run(5s);
    CAPTURE(cost.count());
    CHECK(share(scene, 0) == doctest::Approx(0.5).epsilon(0.05));
  }
  QueueScene scene(
      {{.weight = 100, .cost = always(10ms), .tasks = 1}, {.weight = 300, .cost = always(1ms)}}, 2);
  scene.run(5s);
  CHECK(share(scene, 0) == doctest::Approx(0.25).epsilon(0.05));
}

// The guarantee: between two polls of a class, each other one has at most the rounds that pay for the
// longest poll of the first.
TEST_CASE("Every class comes to its turn, however small its weight") {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    Random random(seed);
    std::vector<QueueScene::Class> classes(5);
    for (auto& c : classes) {
      c.weight = static_cast<std::uint32_t>(random.pick(0, 1) == 0 ? random.pick(1, 3) : 1000);
      c.cost = [&random] { return random.cost(2ms); };
    }
    QueueScene scene(classes, 1);
    std::vector<Time> latest(classes.size());
    std::vector<Time> longest(classes.size());
    scene.on_start = [&](std::size_t c) {
      longest[c] = std::max(longest[c], scene.now() - latest[c]);
      latest[c] = scene.now();
    };
    scene.run(200s);
    for (std::size_t c = 0; c < classes.size(); ++c) {
      Time bound = 2ms;
      for (std::size_t other = 0; other < classes.size(); ++other) {
        if (other == c) continue;
        bound += 2ms + ClassCredit::kUnit * classes[other].weight +
                 classes[other].weight * Time{2ms} / classes[c].weight;
      }
      CHECK(scene.classes[c].polls > 0);
      CHECK(longest[c] <= bound);
    }
  }
}

TEST_CASE("Polls that use nothing do not keep the turn for ever") {
  Queue queue;
  const auto polls = served(queue, 10'000, 0us, 1000, 100);
  CHECK(polls.at(kB.id) > 500);
}

TEST_CASE("A poll that never ends keeps its thread, not the others") {
  Queue queue;
  for (int i = 0; i < 8; ++i) queue.push(kA, 100, &tasks[0], 0);
  for (int i = 0; i < 8; ++i) queue.push(kB, 100, &tasks[1], 0);
  std::map<std::uint16_t, int> begun;
  for (int i = 0; i < 8; ++i) ++begun[queue.take().turn.cls.id];
  CHECK(begun.at(kA.id) == 4);
  CHECK(begun.at(kB.id) == 4);
}

TEST_CASE("A changed weight holds from then on") {
  Queue queue;
  CHECK(served(queue, 4'000, 1ms, 300, 100)[kA.id] == doctest::Approx(3'000).epsilon(0.01));
  CHECK(served(queue, 4'000, 1ms, 100, 300)[kA.id] == doctest::Approx(1'000).epsilon(0.01));
}

TEST_CASE("A weight is taken from what comes, before any of it is served") {
  Queue queue;
  for (const IsolatedClass cls : {kA, kA, kB, kB}) queue.push(cls, 100, &tasks[cls.id], 0);
  for (const auto& turn : {queue.take().turn, queue.take().turn}) {
    queue.end(turn, turn.cls == kA ? 5ms : 9ms, 100);
  }
  queue.push(kB, 1000, &tasks[kB.id], 0);  // owes 90 rounds no more, but 9
  CHECK(queue.take().turn.cls == kB);
}

TEST_CASE("A weight is taken from what ends, where nothing more comes") {
  Queue queue;
  for (int i = 0; i < 200; ++i) queue.push(i % 2 == 0 ? kA : kB, 100, &tasks[i % 2], 0);
  std::map<std::uint16_t, int> polls;
  for (int i = 0; i < 104; ++i) {
    const auto turn = queue.take().turn;
    if (i >= 4) ++polls[turn.cls.id];
    queue.end(turn, 1ms, turn.cls == kA ? 900 : 100);
  }
  CHECK(polls[kA.id] == doctest::Approx(90).epsilon(0.05));
}

TEST_CASE("Weights out of range are as the nearest in it") {
  Queue queue;
  CHECK(served(queue, 10'010, 100us, 0, 5'000).at(kA.id) == doctest::Approx(10).epsilon(0.2));
}

TEST_CASE("A class without work is forgotten, with its debt once that is paid or nobody waits") {
  Queue queue;
  queue.push(kA, 100, &tasks[0], 0);
  auto a = queue.take().turn;
  CHECK(queue.classes() == 1);
  queue.end(a, 1s, 100);
  CHECK(queue.classes() == 0);

  queue.push(kA, 100, &tasks[0], 0);
  a = queue.take().turn;
  queue.push(kB, 100, &tasks[1], 0);
  queue.push(kB, 100, &tasks[1], 0);
  queue.end(a, 10ms, 100);
  int polls_of_b = 0;
  for (; queue.classes() == 2; ++polls_of_b) {
    queue.push(kB, 100, &tasks[1], 0);
    queue.end(queue.take().turn, 1ms, 100);
  }
  CHECK(polls_of_b == doctest::Approx(10).epsilon(0.2));
  while (!queue.empty()) queue.end(queue.take().turn, 1ms, 100);
  CHECK(queue.classes() == 0);
}

TEST_CASE(
    "Nobody saves up with nothing to do, while a poll only blocks, or with less than a share") {
  enum class Meanwhile { kNothing, kBlocks, kLittle };
  for (const auto meanwhile : {Meanwhile::kNothing, Meanwhile::kBlocks, Meanwhile::kLittle}) {
    Queue queue;
    Queue::Turn of_a;
    if (meanwhile != Meanwhile::kNothing) {
      queue.push(kA, 1000, &tasks[2], 0);
      of_a = queue.take().turn;
    }
    queue.push(kB, 100, &tasks[1], 0);
    for (int i = 0; i < 10'000; ++i) {
      queue.push(kB, 100, &tasks[1], 0);
      queue.end(queue.take().turn, 1ms, 100);
      if (meanwhile != Meanwhile::kLittle) continue;
      queue.push(kA, 1000, &tasks[2], 0);
      queue.end(of_a, 100us, 1000);
      of_a = queue.take().turn;
      REQUIRE(of_a.cls == kA);
    }
    CHECK(served(queue, 100, 1ms, 100, 100)[kA.id] == doctest::Approx(50).epsilon(0.05));
  }
}

TEST_CASE(
    "What a class misses while its polls run makes up for one thread's use, not for each one's") {
  Queue queue;
  std::vector<Queue::Turn> of_a;
  for (int i = 0; i < 3; ++i) queue.push(kA, 100, &tasks[i], 0);
  of_a.reserve(3);
  for (int i = 0; i < 3; ++i) of_a.push_back(queue.take().turn);
  queue.push(kB, 100, &tasks[3], 0);
  const auto poll_of_b = [&] {
    queue.push(kB, 100, &tasks[3], 0);
    const auto turn = queue.take().turn;
    queue.end(turn, 1ms, 100);
    return turn.cls == kB;
  };
  for (int i = 0; i < 10; ++i) REQUIRE(poll_of_b());
  queue.push(kA, 100, &tasks[0], 0);
  for (const auto& turn : of_a) queue.end(turn, 10ms, 100);
  int before_a = 0;
  while (poll_of_b()) ++before_a;
  CHECK(before_a == doctest::Approx(3 * 10 - 10).epsilon(0.1));
}

TEST_CASE("A class that rests after each long poll gets no more than its share") {
  QueueScene scene({{.weight = 100, .cost = always(10ms), .tasks = 1, .pause = 1us},
                    {.weight = 100, .cost = always(1ms), .tasks = 1}},
                   1);
  scene.run(10s);
  CHECK(share(scene, 0) == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("A class that comes waits for the rest of a round, not for what others did before") {
  Queue queue;
  served(queue, 1'000, 100us, 1000, 1000);
  const IsolatedClass fresh{nullptr, 3};
  queue.push(fresh, 100, &tasks[2], 0);
  Time waited{};
  for (;;) {
    const auto taken = queue.take();
    if (taken.turn.cls == fresh) break;
    queue.end(taken.turn, 100us, 1000);
    waited += 100us;
  }
  CHECK(waited <= 2 * (1000 * ClassCredit::kUnit + 100us));
}

TEST_CASE("The same number in two sessions is two classes") {
  const int sessions[2] = {};
  Queue queue;
  queue.push({&sessions[0], 1}, 100, &tasks[0], 0);
  queue.push({&sessions[1], 1}, 100, &tasks[1], 0);
  CHECK(queue.classes() == 2);
}

TEST_CASE("Of a queue that was taken away whole the ends of polls are no matter") {
  Queue queue;
  queue.push(kA, 100, &tasks[0], 0);
  queue.push(kA, 100, &tasks[0], 1);
  const auto turn = queue.take().turn;
  const Queue away = std::exchange(queue, Queue());
  CHECK(away.size() == 1);
  queue.end(turn, 1ms, 100);
  CHECK(queue.empty());
  CHECK(queue.classes() == 0);
  queue.push(kA, 100, &tasks[0], 2);
  queue.end(turn, 1ms, 100);
  queue.end(queue.take().turn, 1ms, 100);
  CHECK(queue.classes() == 0);
}

TEST_CASE("Costs without measure do not stop the rounds") {
  Queue queue;
  const auto polls = served(queue, 1'000, Time::max(), 1000, 1);
  CHECK(polls.at(kA.id) > 900);
  CHECK(polls.at(kB.id) > 0);
  for (int i = 0; i < 300; ++i) queue.push(kA, 1, &tasks[2], 0);
  std::vector<Queue::Turn> at_once;
  at_once.reserve(256);
  for (int i = 0; i < 256; ++i) at_once.push_back(queue.take().turn);
  for (const auto& turn : at_once) queue.end(turn, Time::max(), 1);
  while (!queue.empty()) queue.end(queue.take().turn, Time::max(), 1);
  CHECK(queue.classes() == 0);
  Queue other;
  CHECK(served(other, 1'000, Time::min(), 100, 100).at(kA.id) > 400);
}
