// Every field that says what a held worker calls for, alone: just below its threshold, and at it.
#include "daemon/policy/hold.h"

#include <doctest/doctest.h>

#include <random>

namespace pulsed::policy {
namespace {

using namespace std::chrono_literals;
using Kind = OsPriority::Kind;

// Of the balanced profile; each limit at another place, so that a test sees which one it met.
TierFields apart() {
  TierFields f = profile_fields(Profile::kBalanced);
  f.poll_budget = 1ms;
  f.demote_after = 2ms;
  f.spare_after = 3ms;
  f.long_poll = 10ms;
  return f;
}

HeldPoll burning(Duration cpu) { return {cpu, cpu, Blame::kBurning, false}; }
HeldPoll waiting(Duration wall, Duration cpu = {}) { return {wall, cpu, Blame::kBlocked, false}; }
HeldPoll isolated(Duration cpu) { return {cpu, cpu, Blame::kBurning, true}; }

}  // namespace

TEST_CASE("poll_budget: a poll of exactly the budget is no report, a nanosecond more is one") {
  TierFields f = apart();
  CHECK_FALSE(judge_hold(f, burning(1ms)).report);
  CHECK(judge_hold(f, burning(1ms + 1ns)).report);
  f.poll_budget = 2ms;
  CHECK_FALSE(judge_hold(f, burning(1ms + 1ns)).report);
}

TEST_CASE("a poll that burns over its budget, or runs for spare_after, holds its worker") {
  const TierFields f = apart();
  CHECK_FALSE(judge_hold(f, burning(1ms)).over_budget);
  CHECK_FALSE(judge_hold(f, burning(1ms)).holds);
  CHECK(judge_hold(f, burning(1ms + 1ns)).over_budget);
  CHECK(judge_hold(f, burning(1ms + 1ns)).holds);
  CHECK_FALSE(judge_hold(f, waiting(3ms - 1ns)).holds);
  CHECK(judge_hold(f, waiting(3ms)).holds);
  CHECK_FALSE(judge_hold(f, waiting(1h)).over_budget);
}

TEST_CASE("a poll on the isolation pool holds no worker, over its budget or not") {
  CHECK(judge_hold(apart(), isolated(1h)).over_budget);
  CHECK_FALSE(judge_hold(apart(), isolated(1h)).holds);
}

TEST_CASE("long_poll: a poll in flight this long is reported, whatever its thread does") {
  for (const Blame blame : {Blame::kUnknown, Blame::kBurning, Blame::kRunnable, Blame::kBlocked}) {
    for (const bool isolation : {false, true}) {
      TierFields f = apart();
      HeldPoll poll{10ms, 0ns, blame, isolation};
      CHECK(judge_hold(f, poll).report);
      poll.wall -= 1ns;
      CHECK_FALSE(judge_hold(f, poll).report);
      f.long_poll -= 1ns;
      CHECK(judge_hold(f, poll).report);
    }
  }
}

TEST_CASE("spare_after: by time on the clock, for a poll that waits too") {
  TierFields f = apart();
  CHECK_FALSE(judge_hold(f, waiting(3ms - 1ns)).spare);
  CHECK(judge_hold(f, waiting(3ms)).spare);
  CHECK_FALSE(judge_hold(f, burning(3ms - 1ns)).spare);
  CHECK(judge_hold(f, burning(3ms)).spare);
  CHECK(judge_hold(f, {3ms, 0ns, Blame::kRunnable, false}).spare);
  f.spare_after = 3ms + 1ns;
  CHECK_FALSE(judge_hold(f, burning(3ms)).spare);
}

TEST_CASE("max_spare_workers: as many as it says, or as there are ordinary workers") {
  TierFields f = apart();
  CHECK(most_spares(f, 0) == 0);
  CHECK(most_spares(f, 7) == 7);
  f.max_spare_workers = 6;
  CHECK(most_spares(f, 7) == 6);
  CHECK(most_spares(f, 1) == 6);
  f.max_spare_workers = 0;
  CHECK(most_spares(f, 7) == 0);
}

TEST_CASE("demote_after: by CPU time, once it is beyond the budget") {
  TierFields f = apart();
  CHECK_FALSE(judge_hold(f, burning(2ms - 1ns)).demote);
  CHECK(judge_hold(f, burning(2ms)).demote);
  f.demote_after = 2ms + 1ns;
  CHECK_FALSE(judge_hold(f, burning(2ms)).demote);
  // However long it took to burn that.
  CHECK_FALSE(judge_hold(f, {1h, 2ms, Blame::kRunnable, false}).demote);
  CHECK(judge_hold(f, {1h, 2ms + 1ns, Blame::kRunnable, false}).demote);
  // Below the budget it is the budget that counts.
  f.demote_after = 1ns;
  CHECK_FALSE(judge_hold(f, burning(1ms)).demote);
  CHECK(judge_hold(f, burning(1ms + 1ns)).demote);
}

TEST_CASE("a poll long in flight that burned little is neither demoted nor over its budget") {
  const TierFields f = apart();
  for (const Blame blame : {Blame::kUnknown, Blame::kBurning, Blame::kRunnable, Blame::kBlocked}) {
    CHECK_FALSE(judge_hold(f, {1h, 1ms, blame, false}).demote);
  }
}

TEST_CASE("a poll that waits is not demoted, however much it burned before") {
  const TierFields f = apart();
  CHECK_FALSE(judge_hold(f, waiting(1h, 1h)).demote);
  CHECK(judge_hold(f, waiting(1h, 1h)).report);
  CHECK(judge_hold(f, waiting(1h, 1h)).spare);
  // It could run and only is not let, or nobody knows: what it burned counts.
  CHECK(judge_hold(f, {1h, 1h, Blame::kRunnable, false}).demote);
  CHECK(judge_hold(f, {1h, 1h, Blame::kUnknown, false}).demote);
}

TEST_CASE("demote_to: none lowers no worker, any other does, and the isolation pool always is") {
  TierFields f = apart();
  f.demote_to.kind = Kind::kUnchanged;
  CHECK_FALSE(judge_hold(f, burning(1h)).demote);
  CHECK(judge_hold(f, isolated(0ns)).demote);
  for (const Kind kind : {Kind::kNice, Kind::kIdle}) {
    f.demote_to.kind = kind;
    CHECK(judge_hold(f, burning(1h)).demote);
    CHECK(judge_hold(f, isolated(0ns)).demote);
  }
}

TEST_CASE("on the isolation pool the thread is lowered from the start, and no spare is woken") {
  const TierFields f = apart();
  CHECK(judge_hold(f, isolated(0ns)).demote);
  CHECK(judge_hold(f, {1h, 1h, Blame::kBlocked, true}).demote);
  CHECK_FALSE(judge_hold(f, isolated(1h)).spare);
  CHECK_FALSE(judge_hold(f, isolated(1ms)).report);
  CHECK(judge_hold(f, isolated(1ms + 1ns)).report);
}

TEST_CASE("a priority moves the budget of a held poll, not the rest") {
  const TierFields f = apart();
  const TierFields critical = scaled(f, Priority::kCritical);
  CHECK(critical.long_poll == f.long_poll);
  CHECK(critical.spare_after == f.spare_after);
  CHECK(critical.demote_after == f.demote_after);
  CHECK_FALSE(judge_hold(critical, burning(4ms)).demote);
  CHECK(judge_hold(critical, burning(4ms)).spare);
  CHECK(judge_hold(critical, burning(4ms + 1ns)).demote);
  const TierFields low = scaled(f, Priority::kLow);
  CHECK(judge_hold(low, burning(500us + 1ns)).report);
  CHECK_FALSE(judge_hold(low, burning(2ms - 1ns)).demote);
  CHECK(judge_hold(low, burning(2ms)).demote);
}

TEST_CASE("in every profile a hog is replaced and demoted before its emergency") {
  for (const Profile profile : {Profile::kBalanced, Profile::kAggressive, Profile::kPermissive}) {
    const TierFields f = profile_fields(profile);
    const HoldVerdict at_emergency = judge_hold(f, burning(f.emergency_poll));
    CHECK(at_emergency.report);
    CHECK(at_emergency.spare);
    CHECK(at_emergency.demote);
    const HoldVerdict good = judge_hold(f, burning(f.poll_budget - 1ns));
    CHECK_FALSE(good.report);
    CHECK_FALSE(good.spare);
    CHECK_FALSE(good.demote);
  }
}

TEST_CASE("min_share: a thread that got exactly it does not fall short, one nanosecond less does") {
  TierFields f = apart();
  f.min_share = 0.25;
  CHECK_FALSE(falls_short(f, {100ms, 25ms, true}));
  CHECK(falls_short(f, {100ms, 25ms - 1ns, true}));
  f.min_share = 0.26;
  CHECK(falls_short(f, {100ms, 25ms, true}));
  f.min_share = 1.0;
  CHECK_FALSE(falls_short(f, {100ms, 100ms, true}));
  CHECK(falls_short(f, {100ms, 100ms - 1ns, true}));
}

TEST_CASE("a thread that waits needs no share, and in no time none was missed") {
  const TierFields f = apart();
  CHECK(falls_short(f, {100ms, 0ns, true}));
  CHECK_FALSE(falls_short(f, {100ms, 0ns, false}));
  CHECK_FALSE(falls_short(f, {0ns, 0ns, true}));
  CHECK_FALSE(falls_short(f, {-1ms, 0ns, true}));
}

namespace {

Duration any_time(std::mt19937_64& random) {
  // As likely around a microsecond as around a second.
  return Duration{static_cast<std::int64_t>(random() >> (34 + random() % 29))};
}

TierFields any_fields(std::mt19937_64& random) {
  TierFields f = scaled(profile_fields(static_cast<Profile>(random() % kProfileCount)),
                        static_cast<Priority>(random() % kPriorityCount));
  if (random() % 2 == 0) f.poll_budget = any_time(random) + 1ns;
  if (random() % 2 == 0) f.long_poll = any_time(random) + 1ns;
  if (random() % 2 == 0) f.spare_after = any_time(random) + 1ns;
  if (random() % 2 == 0) f.demote_after = any_time(random) + 1ns;
  f.demote_to = {static_cast<Kind>(random() % 3), static_cast<std::uint8_t>(1 + random() % 19)};
  return f;
}

HeldPoll any_poll(std::mt19937_64& random) {
  const Duration wall = any_time(random);
  const Duration cpu = random() % 2 == 0 ? wall : std::min(wall, any_time(random));
  return {wall, cpu, static_cast<Blame>(random() % kBlameCount), random() % 4 == 0};
}

}  // namespace

// Over any fields that an operator may set, not only those that make sense.
TEST_CASE("whatever the fields, a judgement keeps to what is promised of it") {
  std::mt19937_64 random(3'012);
  int demoted = 0;
  int spared = 0;
  for (int i = 0; i < 100'000; ++i) {
    const TierFields f = any_fields(random);
    const HeldPoll poll = any_poll(random);
    const HoldVerdict v = judge_hold(f, poll);
    CAPTURE(i);
    if (poll.isolation) {
      REQUIRE_FALSE(v.spare);
      REQUIRE(v.demote);
    } else {
      if (poll.blame == Blame::kBlocked) REQUIRE_FALSE(v.demote);
      if (poll.cpu <= f.poll_budget) REQUIRE_FALSE(v.demote);
      if (f.demote_to.kind == Kind::kUnchanged) REQUIRE_FALSE(v.demote);
      if (v.demote) REQUIRE(v.report);
    }
    // Longer in flight, or more burned, never calls for less.
    HeldPoll more = poll;
    more.wall += any_time(random);
    if (random() % 2 == 0) more.cpu += std::min(more.wall - more.cpu, any_time(random));
    const HoldVerdict w = judge_hold(f, more);
    REQUIRE(w.report >= v.report);
    REQUIRE(w.spare >= v.spare);
    REQUIRE(w.demote >= v.demote);
    demoted += !poll.isolation && v.demote ? 1 : 0;
    spared += v.spare ? 1 : 0;
  }
  CHECK(demoted > 1'000);
  CHECK(spared > 1'000);
}

TEST_CASE("more CPU never makes a thread fall short, and neither does less to want") {
  std::mt19937_64 random(3'013);
  int shorts = 0;
  for (int i = 0; i < 100'000; ++i) {
    TierFields f = profile_fields(Profile::kBalanced);
    f.min_share = static_cast<double>(1 + random() % 1000) / 1000.0;
    const Duration wall = any_time(random);
    const DemotedShare share{wall, std::min(wall, any_time(random)), random() % 4 != 0};
    const bool fell = falls_short(f, share);
    CAPTURE(i);
    if (!share.wants_to_run) REQUIRE_FALSE(fell);
    if (share.cpu == share.wall) REQUIRE_FALSE(fell);
    DemotedShare more = share;
    more.cpu = std::min(wall, share.cpu + any_time(random));
    REQUIRE(falls_short(f, more) <= fell);
    f.min_share /= 2;
    REQUIRE(falls_short(f, share) <= fell);
    shorts += fell ? 1 : 0;
  }
  CHECK(shorts > 1'000);
}

}  // namespace pulsed::policy
