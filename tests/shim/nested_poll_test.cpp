// Polls within polls, polls that change their class, and polls without a slot.
#include <memory>

#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

struct Nested : AttachedService {
  Worker worker{session};
  TaskClass outer_class = session.task_class("outer");
  TaskClass inner_class = session.task_class("inner");
  Task outer = session.open(outer_class);
  Task inner = session.open(inner_class);
  shm::RingReader ring = peer.ring(0);
};

void spend(std::uint64_t ticks) {
  const std::uint64_t until = pulsed_now() + ticks;
  while (pulsed_now() < until) continue;
}

TEST_CASE("nested polls of one task are one poll") {
  Nested n;
  {
    const PollScope a(n.outer);
    const std::uint64_t start = n.line().start;
    {
      const PollScope b(n.outer);
      const PollScope c(n.outer);
      CHECK(n.line().start == start);
    }
    CHECK(n.line().task != 0);
    const PollScope again(n.outer);
  }
  CHECK(drain(n.ring, PULSED_KIND_POLL).size() == 1);
  CHECK(n.totals(n.outer_class).polls == 1);
}

TEST_CASE("a nested poll of another task pauses the outer one") {
  Nested n;
  constexpr std::uint64_t kTicks = 1'000'000;
  const std::uint64_t begin = pulsed_now();
  {
    const PollScope a(n.outer);
    const std::uint64_t first_start = n.line().start;
    {
      const PollScope b(n.inner);
      CHECK(task_of(n.line().task) == n.inner.handle().ref);
      spend(kTicks);
    }
    CHECK(task_of(n.line().task) == n.outer.handle().ref);
    CHECK(n.line().start >= first_start + kTicks);  // as if it had begun that much later
  }
  const std::uint64_t all = pulsed_now() - begin;
  const std::vector<pulsed_sample> polls = drain(n.ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 2);
  CHECK(task_of(polls[0].ref) == n.inner.handle().ref);
  CHECK(task_of(polls[1].ref) == n.outer.handle().ref);
  CHECK(wall_of(polls[0]) >= kTicks);
  CHECK(wall_of(polls[0]) + wall_of(polls[1]) <= all);
  CHECK(n.totals(n.inner_class).wall_ticks == wall_of(polls[0]));
  CHECK(n.totals(n.outer_class).wall_ticks == wall_of(polls[1]));
}

TEST_CASE("a task polled again below another is a poll of its own") {
  Nested n;
  {
    const PollScope a(n.outer);
    const PollScope b(n.inner);
    const PollScope c(n.outer);
  }
  CHECK(n.totals(n.outer_class).polls == 2);
  CHECK(n.totals(n.inner_class).polls == 1);
  CHECK(n.line().task == 0);
}

TEST_CASE("flattened begins of an outer poll are still flattened after an inner poll") {
  Nested n;
  {
    const PollScope a(n.outer);
    const PollScope flattened(n.outer);
    { const PollScope b(n.inner); }
    const PollScope again(n.outer);
  }
  CHECK(n.totals(n.outer_class).polls == 1);
  CHECK(n.line().task == 0);
}

TEST_CASE("an outer poll is CPU exact only if it was not descheduled itself") {
  Nested n;
  const auto flags = [&] {
    const std::vector<pulsed_sample> polls = drain(n.ring, PULSED_KIND_POLL);
    REQUIRE(polls.size() == 2);
    return std::pair{polls[0].ref & PULSED_FLAG_CPU_EXACT, polls[1].ref & PULSED_FLAG_CPU_EXACT};
  };
  {
    const PollScope a(n.outer);
    be_descheduled();
    const PollScope b(n.inner);
  }
  CHECK(flags().second == 0);
  {
    const PollScope a(n.outer);
    const PollScope b(n.inner);
    be_descheduled();
  }
  CHECK(flags().first == 0);
}

TEST_CASE("an outer poll that is measured leaves out the CPU time of the inner one") {
  Nested n;
  constexpr std::uint64_t kTicks = 20'000'000;
  n.peer.ask_task(n.outer.handle(), PULSED_DIRECTIVE_MEASURE);
  {
    const PollScope a(n.outer);
    be_descheduled();
    const PollScope b(n.inner);
    spend(kTicks);
  }
  const std::vector<pulsed_sample> polls = drain(n.ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 2);
  CHECK((polls[1].ref & PULSED_FLAG_CPU_MEASURED) != 0);
  CHECK(cpu_of(polls[1]) < kTicks / 2);
}

TEST_CASE("polls nested deeper than is remembered are part of the deepest remembered") {
  constexpr std::size_t kDeep = 50;
  Nested n;
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < kDeep; ++i) tasks.push_back(n.session.open(n.inner_class));
  (void)drain(n.ring);
  for (int round = 0; round < 2; ++round) {
    for (const Task& task : tasks) pulsed_poll_begin(task.handle());
    CHECK(task_of(n.line().task) == tasks[32].handle().ref);
    for (std::size_t i = 0; i < kDeep; ++i) pulsed_poll_end();
    CHECK(n.line().task == 0);
    const std::vector<pulsed_sample> polls = drain(n.ring, PULSED_KIND_POLL);
    REQUIRE(polls.size() == 33);  // 32 outer ones and the one they surround
    CHECK(task_of(polls.back().ref) == tasks[0].handle().ref);
  }
  { const PollScope poll(n.outer); }
  CHECK(n.totals(n.outer_class).polls == 1);
}

TEST_CASE("a class changed inside a poll counts for that poll") {
  Nested n;
  {
    const PollScope poll(n.outer);
    n.outer.set_class(n.inner_class);
    CHECK(class_of(n.line().task) == n.inner_class.id());
  }
  CHECK(n.totals(n.outer_class).polls == 0);
  CHECK(n.totals(n.inner_class).polls == 1);
  CHECK(class_of(drain(n.ring, PULSED_KIND_POLL).at(0).ref) == n.inner_class.id());
  CHECK((n.identity(n.outer.handle()) >> PULSED_IDENTITY_CLASS_SHIFT & 0xfff) ==
        n.inner_class.id());
}

TEST_CASE("changing the class of another task leaves the poll in flight alone") {
  Nested n;
  const PollScope poll(n.outer);
  n.inner.set_class(n.outer_class);
  CHECK(class_of(n.line().task) == n.outer_class.id());
  CHECK(task_of(n.line().task) == n.outer.handle().ref);
}

TEST_CASE("a task reclassified inside its poll is still the same task when polled within") {
  Nested n;
  {
    const PollScope poll(n.outer);
    n.outer.set_class(n.inner_class);
    const PollScope again(n.outer);
  }
  CHECK(n.totals(n.inner_class).polls == 1);
}

TEST_CASE("a handler without a slot counts for its class") {
  Nested n;
  const pulsed_task slotless{std::uint64_t{n.outer_class.id()} << PULSED_REF_CLASS_SHIFT};
  {
    const PollScope poll(slotless);
    CHECK(task_of(n.line().task) == slotless.ref);
  }
  { const PollScope poll(Task{}); }  // no task at all: the unnamed class
  CHECK(n.totals(n.outer_class).polls == 1);
  CHECK(n.totals(TaskClass{}).polls == 1);
  CHECK(drain(n.ring, PULSED_KIND_POLL).size() == 2);
}

TEST_CASE("without slots the class tells nested polls apart") {
  Nested n;
  const pulsed_task a{std::uint64_t{n.outer_class.id()} << PULSED_REF_CLASS_SHIFT};
  const pulsed_task b{std::uint64_t{n.inner_class.id()} << PULSED_REF_CLASS_SHIFT};
  {
    const PollScope one(a);
    const PollScope same(a);
    const PollScope other(b);
  }
  CHECK(n.totals(n.outer_class).polls == 1);
  CHECK(n.totals(n.inner_class).polls == 1);
}

}  // namespace
}  // namespace pulsed::test
