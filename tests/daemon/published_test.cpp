#include "daemon/published.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <thread>

namespace pulsed {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const int> built(int n) { return std::make_shared<const int>(n); }

constexpr std::chrono::nanoseconds kNow = 1h;

}  // namespace

TEST_CASE("the first is built without being asked for, a further one when a reader asks") {
  Published<int> published;
  CHECK(published.wanted(kNow));
  published.publish(built(1), kNow, 0ns);
  CHECK_FALSE(published.wanted(kNow));
  CHECK(*published.fresh(0ms) == 1);
  CHECK(published.wanted(kNow));
}

TEST_CASE(
    "however often readers ask, the loop rests from building for twenty times as long as it took") {
  Published<int> published;
  published.publish(built(1), kNow, 50ms);
  for (int reader = 0; reader < 1000; ++reader) CHECK(*published.fresh(0ms) == 1);
  CHECK_FALSE(published.wanted(kNow + 1s - 1ns));
  CHECK(published.wanted(kNow + 1s));
}

TEST_CASE("readers are not kept for longer than two seconds, however long it takes to build") {
  Published<int> published;
  published.publish(built(1), kNow, 1h);
  CHECK(*published.fresh(0ms) == 1);
  CHECK_FALSE(published.wanted(kNow + 2s - 1ns));
  CHECK(published.wanted(kNow + 2s));
}

TEST_CASE("a reader waits for one that is newer than its question") {
  Published<int> published;
  published.publish(built(1), kNow, 0ns);
  auto reader = std::async(std::launch::async, [&] { return *published.fresh(1h); });
  while (!published.wanted(kNow)) std::this_thread::yield();
  // What cannot be published while it begins to wait is wanted still.
  while (published.wanted(kNow)) published.publish(built(2), kNow, 0ns);
  CHECK(reader.get() == 2);
}

TEST_CASE("before the first is built readers have what it begins with, or something empty") {
  Published<int> published;
  CHECK(*published.fresh(0ms) == 0);
  published.begin_with(built(7));
  CHECK(*published.fresh(0ms) == 7);
  CHECK(published.wanted(kNow));
}

}  // namespace pulsed
