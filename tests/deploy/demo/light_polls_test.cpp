#include "deploy/demo/light_polls.h"

#include <doctest/doctest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <thread>

namespace pulsed::demo {
namespace {

// On a thread of its own, since what is lowered can be raised again by root only.
template <typename Function>
void on_another_thread(Function function) {
  std::thread(function).join();
}

void lower() { REQUIRE(setpriority(PRIO_PROCESS, 0, 19) == 0); }

TEST_CASE("a light poll at the priority that the service was started with is not counted") {
  LightPolls polls;
  on_another_thread([&] { const LightPolls::Scope scope(polls, false); });
  CHECK(polls.demoted() == 0);
  CHECK(polls.isolated() == 0);
}

TEST_CASE("a light poll on a lowered thread is counted once") {
  LightPolls polls;
  on_another_thread([&] {
    lower();
    const LightPolls::Scope scope(polls, false);
  });
  CHECK(polls.demoted() == 1);
  CHECK(polls.begun_demoted() == 1);
  CHECK(polls.isolated() == 0);
}

TEST_CASE("a light poll whose thread is lowered in the middle is counted") {
  LightPolls polls;
  on_another_thread([&] {
    const LightPolls::Scope scope(polls, false);
    lower();
  });
  CHECK(polls.demoted() == 1);
  CHECK(polls.begun_demoted() == 0);
}

TEST_CASE("a thread under another policy is not at the service's priority") {
  LightPolls polls;
  on_another_thread([&] {
    const sched_param none{};
    REQUIRE(sched_setscheduler(0, SCHED_BATCH, &none) == 0);
    const LightPolls::Scope scope(polls, false);
  });
  CHECK(polls.demoted() == 1);
}

TEST_CASE("a light poll that was isolated by the daemon is counted as that") {
  LightPolls polls;
  on_another_thread([&] {
    lower();
    const LightPolls::Scope scope(polls, true);
  });
  CHECK(polls.demoted() == 0);
  CHECK(polls.isolated() == 1);
}

}  // namespace
}  // namespace pulsed::demo
