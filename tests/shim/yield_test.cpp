// A yield is asked of one poll, by its start, and obeyed once.
#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

struct Asked : AttachedService {
  Worker worker{session};
  TaskClass cls = session.task_class("a");
  Task task = session.open(cls);
  shm::RingReader ring = peer.ring(0);

  void ask() { peer.ask_to_yield(0, line().start); }
};

TEST_CASE("a poll that nobody asks does not yield") {
  Asked s;
  CHECK_FALSE(should_yield());
  const PollScope poll(s.task);
  CHECK_FALSE(should_yield());
}

TEST_CASE("a poll asked to yield is asked until it says so or ends") {
  Asked s;
  const PollScope poll(s.task);
  s.ask();
  CHECK(should_yield());
  CHECK(should_yield());
  yielding();
  CHECK_FALSE(should_yield());
}

TEST_CASE("one directive is one yield") {
  Asked s;
  {
    const PollScope poll(s.task);
    s.ask();
    yielding();
    yielding();
  }
  for (int i = 0; i < 3; ++i) {  // the word still stands, and names a poll that is over
    const PollScope poll(s.task);
    CHECK_FALSE(should_yield());
    yielding();
  }
  const std::vector<pulsed_sample> polls = drain(s.ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 4);
  CHECK((polls[0].ref & PULSED_FLAG_YIELDED) != 0);
  for (std::size_t i = 1; i < polls.size(); ++i) CHECK((polls[i].ref & PULSED_FLAG_YIELDED) == 0);
  CHECK(s.totals(s.cls).yields == 1);
}

TEST_CASE("a poll that ends without saying that it yields has not obeyed") {
  Asked s;
  {
    const PollScope poll(s.task);
    s.ask();
    CHECK(should_yield());
  }
  CHECK_FALSE(should_yield());
  CHECK(s.totals(s.cls).yields == 0);
  CHECK((drain(s.ring, PULSED_KIND_POLL).at(0).ref & PULSED_FLAG_YIELDED) == 0);
}

TEST_CASE("yielding without having been asked counts for nothing") {
  Asked s;
  yielding();
  {
    const PollScope poll(s.task);
    yielding();
  }
  CHECK(s.totals(s.cls).yields == 0);
}

TEST_CASE("a directive for another poll or another worker is not ours") {
  Asked s;
  const PollScope poll(s.task);
  s.peer.ask_to_yield(0, s.line().start - 1);
  CHECK_FALSE(should_yield());
  s.peer.ask_to_yield(0, 0);
  s.peer.ask_to_yield(1, s.line().start);
  CHECK_FALSE(should_yield());
}

TEST_CASE("a yield is obeyed only while the lease holds") {
  Asked s;
  const PollScope poll(s.task);
  s.ask();
  REQUIRE(should_yield());
  s.peer.let_lease_run_out();
  CHECK_FALSE(should_yield());
  yielding();
  CHECK(s.totals(s.cls).yields == 0);
  s.peer.daemon.daemon->lease_ticks = UINT64_MAX;
  CHECK(should_yield());
}

TEST_CASE("a heartbeat ahead of this core keeps the lease, but not by more than the lease") {
  Asked s;
  const PollScope poll(s.task);
  s.ask();
  const std::uint64_t minute = s.peer.end.daemon_header.ticks_per_second * 60;
  s.peer.daemon.daemon->lease_ticks = 2 * minute;
  s.peer.daemon.daemon->heartbeat = pulsed_now() + minute;
  CHECK(should_yield());
  s.peer.daemon.daemon->heartbeat = pulsed_now() + 10 * minute;
  CHECK_FALSE(should_yield());
}

TEST_CASE("a yield asked of an outer poll is void while and after another runs inside it") {
  Asked s;
  const Task inner = s.session.open(s.cls);
  const PollScope poll(s.task);
  s.ask();
  {
    const PollScope inside(inner);
    CHECK_FALSE(should_yield());
  }
  CHECK_FALSE(should_yield());  // its start has moved: the daemon decides anew
  s.ask();
  CHECK(should_yield());
}

TEST_CASE("an inner poll that yields leaves the outer one as it was") {
  Asked s;
  const Task inner = s.session.open(s.cls);
  {
    const PollScope poll(s.task);
    {
      const PollScope inside(inner);
      s.ask();
      yielding();
    }
    CHECK_FALSE(should_yield());
  }
  const std::vector<pulsed_sample> polls = drain(s.ring, PULSED_KIND_POLL);
  REQUIRE(polls.size() == 2);
  CHECK((polls[0].ref & PULSED_FLAG_YIELDED) != 0);
  CHECK((polls[1].ref & PULSED_FLAG_YIELDED) == 0);
}

TEST_CASE("the yield counts for the class the poll had then") {
  Asked s;
  const TaskClass late = s.session.task_class("late");
  {
    const PollScope poll(s.task);
    s.task.set_class(late);
    s.ask();
    yielding();
  }
  CHECK(s.totals(s.cls).yields == 0);
  CHECK(s.totals(late).yields == 1);
}

// Guarantee: a directive that the daemon sets while a worker polls is seen by that poll; the worker waits for nothing else.
TEST_CASE("a worker sees the directive while it polls") {
  Asked s;
  std::atomic<std::uint64_t> start{0};
  std::thread daemon([&] {
    while (start.load() == 0) std::this_thread::yield();
    s.peer.ask_to_yield(0, start.load());
  });
  {
    const PollScope poll(s.task);
    start = s.line().start;
    while (!should_yield()) continue;
    yielding();
  }
  daemon.join();
  CHECK(s.totals(s.cls).yields == 1);
}

}  // namespace
}  // namespace pulsed::test
