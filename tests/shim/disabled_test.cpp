#include "tests/shim/attached_service.h"

namespace pulsed::test {

bool disabled_poll(pulsed_task task);  // disabled_unit.cpp

namespace {

TEST_CASE("a unit compiled with PULSED_DISABLED leaves no trace beside one that is live") {
  AttachedService s;
  const Worker worker(s.session);
  const TaskClass cls = s.session.task_class("a");
  const Task task = s.session.open(cls);
  CHECK_FALSE(disabled_poll(task.handle()));
  CHECK(s.totals(cls).polls == 0);
  {
    const PollScope poll(task);
    s.peer.ask_to_yield(0, s.line().start);
    CHECK_FALSE(disabled_poll(task.handle()));
    CHECK(should_yield());
  }
  CHECK(s.totals(cls).polls == 1);
  CHECK(s.totals(cls).queue_waits == 0);
}

}  // namespace
}  // namespace pulsed::test
