// Every field that holds a flapping task, alone: just below its threshold, and at it.
#include "daemon/policy/offender.h"

#include "tests/daemon/policy/scene.h"

namespace pulsed::policy::testing {

namespace {

// Up to Warn and down again, which is two changes; a second apart.
void flap(Scene& s, TaskId task) {
  s.pass(1s);
  s.raise(task, Tier::kWarn);
  s.pass(1s);
  s.good(task, 10);
}

TierFields flapping() {
  TierFields f = plain();
  f.cooldown_changes = 4;
  f.cooldown_window = 160s;
  f.cooldown = 50s;
  return f;
}

}  // namespace

TEST_CASE("cooldown_changes: a flapping task is held at the higher tier, not the lower") {
  for (const std::uint32_t most : {4U, 5U, 6U}) {
    TierFields f = flapping();
    f.cooldown_changes = most;
    Scene s(f);
    const TaskId task = s.open();
    flap(s, task);
    flap(s, task);
    REQUIRE(s.tier(task) == Tier::kMonitor);
    REQUIRE(s.tiers.changes().size() == 4);
    // With 4 the fifth change is too many, with 5 the sixth: both hold Warn. With 6 nothing does.
    flap(s, task);
    CHECK(s.tier(task) == (most == 6 ? Tier::kMonitor : Tier::kWarn));
  }
}

TEST_CASE("cooldown: a fall refused as one change too many is taken once the hold is over") {
  TierFields f = flapping();
  f.cooldown_changes = 5;
  Scene s(f);
  const TaskId task = s.open();
  for (int i = 0; i < 3; ++i) flap(s, task);
  s.pass(50s - 1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("cooldown: the hold lasts exactly that long") {
  Scene s(flapping());
  const TaskId task = s.open();
  flap(s, task);
  flap(s, task);
  s.raise(task, Tier::kWarn);
  s.pass(50s - 1ns);
  s.good(task, 100);
  CHECK(s.tier(task) == Tier::kWarn);
  s.pass(1ns);
  s.good(task);
  CHECK(s.tier(task) == Tier::kMonitor);
}

TEST_CASE("cooldown_window: changes further apart than it are no flapping") {
  for (const Duration window : {Duration{160s}, Duration{3s}}) {
    TierFields f = flapping();
    f.cooldown_window = window;
    Scene s(f);
    const TaskId task = s.open();
    for (int i = 0; i < 3; ++i) flap(s, task);
    CHECK(s.tier(task) == (window == 160s ? Tier::kWarn : Tier::kMonitor));
  }
}

TEST_CASE("a cooldown never shields an offender: it is promoted all the same") {
  TierFields f = flapping();
  f.cooldown = 1h;
  Scene s(f);
  const TaskId task = s.open();
  for (int i = 0; i < 3; ++i) flap(s, task);
  REQUIRE(s.tier(task) == Tier::kWarn);
  s.bad(task, 3);
  CHECK(s.tier(task) == Tier::kYield);
  s.bad(task, 2);
  CHECK(s.tier(task) == Tier::kIsolate);
  s.pass(30min);
  s.good(task, 1000);
  CHECK(s.tier(task) == Tier::kIsolate);
}

TEST_CASE("under the balanced profile a flapping task is held") {
  Scene s(profile_fields(Profile::kBalanced));
  const TaskId task = s.open();
  // Good for as long as it takes to come down a tier, then bad again.
  int falls = 0;
  Time last = s.now;
  Duration longest{};
  for (int i = 0; i < 4000; ++i) {
    s.pass(10ms);
    const std::size_t before = s.tiers.changes().size();
    s.tier(task) >= Tier::kYield ? s.good(task) : s.poll(task, 2ms);
    if (s.tiers.changes().size() == before) continue;
    if (s.tiers.changes().back().reason != Reason::kGoodPolls) continue;
    ++falls;
    longest = std::max(longest, s.now - last);
    last = s.now;
  }
  CHECK(falls >= 4);
  CHECK(longest >= 5s);  // without a cooldown the longest is little over 2 s
}

}  // namespace pulsed::policy::testing
