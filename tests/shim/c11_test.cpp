// The header compiled as C11 (c11_service.c) and as C++20 (here) in one program.
#include "tests/shim/attached_service.h"

extern "C" {
int c11_service_polls(pulsed_session* session);
std::size_t c11_hot_size(void);
}

namespace pulsed::test {
namespace {

TEST_CASE("a C11 service polls and is seen") {
  AttachedService s;
  CHECK(c11_service_polls(s.session.c_session()) == 0);
  const TaskClass cls = s.session.task_class("c11");
  CHECK(s.totals(cls).polls == 2);
  CHECK(s.totals(cls).queue_waits == 1);
  CHECK(s.line().write == 5);  // open, queue wait, two polls, close
}

TEST_CASE("C and C++ agree on the hot state") { CHECK(c11_hot_size() == sizeof(pulsed_hot)); }

}  // namespace
}  // namespace pulsed::test
