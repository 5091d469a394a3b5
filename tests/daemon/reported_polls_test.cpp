#include "daemon/reported_polls.h"

#include <doctest/doctest.h>

#include "tests/support/attached_by_hand.h"

namespace pulsed {
namespace {

using namespace std::chrono_literals;
using policy::Blame;
using policy::Tier;
using test::AttachedByHand;

struct Followed : AttachedByHand {
  Followed() {
    add_class(1, "shop/render");
    for (std::uint32_t worker = 0; worker < 2; ++worker) add_worker(worker);
    tick();
  }
  // A poll of that task that is in flight for so long, and reported.
  std::uint64_t hold(std::uint32_t worker, policy::Duration age, std::uint32_t slot = 20) {
    const std::uint64_t start = begin_poll(worker, ref(slot, 1, 1, PULSED_KIND_POLL), age);
    tick();
    service().workers[worker].current.blamed[static_cast<std::size_t>(Blame::kBlocked)] = age;
    polls.add(service(), worker);
    return start;
  }
  // What the next tick finds to have ended.
  std::vector<HeldPollEnded> found() {
    pass(1ms);
    tick();
    polls.follow(service());
    return reported();
  }
  std::vector<HeldPollEnded> reported() {
    const std::uint64_t before = events.last();
    reporter.end_tick();
    std::vector<HeldPollEnded> ended;
    const auto all = events.after(before, EventLog::kKept);
    for (const Event& event : all.value()) ended.push_back(std::get<HeldPollEnded>(event.what));
    return ended;
  }

  EventLog events;
  Reporter reporter{events};
  ReportedPolls polls{clock(), reporter};
};

}  // namespace

TEST_CASE("the end of a reported poll says what its sample says, and when it began") {
  Followed t;
  const auto before = std::chrono::system_clock::now();
  t.hold(1, 30ms);
  CHECK(t.found().empty());
  t.end_poll(1);
  t.push_exact(1, 20, 1, 1, 47ms);
  const auto ended = t.found();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].task_class == "shop/render");
  CHECK(ended[0].worker == 1);
  CHECK(std::chrono::abs(ended[0].duration - 47ms) < 1us);
  CHECK_FALSE(ended[0].at_most);
  CHECK(ended[0].tier == Tier::kMonitor);
  CHECK(ended[0].blame == Blame::kBlocked);
  // It began 30 ms before it was looked at first, which was after `before`.
  CHECK(ended[0].start >= before - 31ms);
  CHECK(ended[0].start <= std::chrono::system_clock::now() - 29ms);
  CHECK(t.service().reported.empty());
  CHECK(t.found().empty());
}

TEST_CASE("without its sample the end of a poll is bounded by when it was seen to be gone") {
  Followed t;
  const std::uint64_t start = t.hold(0, 30ms);
  t.service().workers[0].current.valid = false;  // as if a full ring had dropped it
  t.end_poll(0);
  const auto ended = t.found();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].at_most);
  CHECK(ended[0].duration >= 30ms);
  CHECK(ended[0].duration <=
        policy::Duration{static_cast<std::int64_t>(t.clock().to_ns(t.clock().now() - start))});
}

TEST_CASE("a poll that pauses for one nested in it has not ended") {
  Followed t;
  t.hold(0, 30ms, 20);
  t.begin_poll(0, AttachedByHand::ref(21, 1, 1, PULSED_KIND_POLL), 1us);
  CHECK(t.found().empty());
  // The nested one ends; the outer one goes on, its begin moved.
  t.push_exact(0, 21, 1, 1, 2ms);
  t.begin_poll(0, AttachedByHand::ref(20, 1, 1, PULSED_KIND_POLL), 28ms);
  t.service().workers[0].looked_at_ticks = t.clock().now();
  CHECK(t.found().empty());
  t.end_poll(0);
  t.push_exact(0, 20, 1, 1, 40ms);
  const auto ended = t.found();
  REQUIRE(ended.size() == 1);
  CHECK(std::chrono::abs(ended[0].duration - 40ms) < 1us);
}

TEST_CASE("polls of several workers end each by itself, the next poll of a worker is another") {
  Followed t;
  t.hold(0, 30ms, 20);
  t.hold(1, 40ms, 21);
  t.push_exact(0, 20, 1, 1, 31ms);
  t.begin_poll(0, AttachedByHand::ref(22, 1, 1, PULSED_KIND_POLL), 1us);
  auto ended = t.found();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].worker == 0);
  t.end_poll(1);
  t.push_exact(1, 21, 1, 1, 41ms);
  ended = t.found();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].worker == 1);
}

TEST_CASE("a thread that ends within a reported poll ends it") {
  Followed t;
  t.hold(0, 30ms);
  t.s().lines[0].tid = 1;
  t.end_poll(0);
  const auto ended = t.found();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].at_most);
}

TEST_CASE("what is looked at no more is reported as ended once, at most as long as until now") {
  Followed t;
  t.hold(0, 30ms);
  t.hold(1, 30ms);
  t.polls.release(t.service());
  const auto ended = t.reported();
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].at_most);
  t.polls.release(t.service());
  CHECK(t.reported().empty());
}

}  // namespace pulsed
