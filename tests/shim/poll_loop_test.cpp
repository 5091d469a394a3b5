// PollLoop: whose polls its begins and its end are.
#include "tests/shim/attached_service.h"

namespace pulsed::test {
namespace {

struct Looping : AttachedService {
  Worker worker{session};
  TaskClass outer_class = session.task_class("outer");
  TaskClass inner_class = session.task_class("inner");
  Task outer = session.open(outer_class);
  Task inner = session.open(inner_class);
};

TEST_CASE("a loop's polls end with the next one, with its rest, and with the loop") {
  Looping s;
  {
    PollLoop polls;
    CHECK(s.line().task == 0);
    polls.next(s.outer);
    polls.next(s.inner);
    CHECK(s.totals(s.outer_class).polls == 1);
    polls.end();
    CHECK(s.totals(s.inner_class).polls == 1);
    CHECK(s.line().task == 0);
    polls.end();
    CHECK(s.totals(s.inner_class).polls == 1);
    polls.next(s.outer);
    CHECK(task_of(s.line().task) == s.outer.handle().ref);
  }
  CHECK(s.line().task == 0);
  CHECK(s.totals(s.outer_class).polls == 2);
}

TEST_CASE("a loop inside a poll pauses that poll and ends none but its own") {
  Looping s;
  PollLoop outer;
  outer.next(s.outer);
  {
    PollLoop inner;
    inner.next(s.inner);
    inner.next(s.inner);
    CHECK(s.totals(s.outer_class).polls == 0);
  }
  CHECK(s.totals(s.inner_class).polls == 2);
  CHECK(task_of(s.line().task) == s.outer.handle().ref);
  outer.end();
  CHECK(s.totals(s.outer_class).polls == 1);
}

}  // namespace
}  // namespace pulsed::test
