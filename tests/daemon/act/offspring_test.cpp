#include "daemon/act/offspring.h"

#include <doctest/doctest.h>

#include "tests/daemon/act/played_daemon.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

using Tools = PlayedDaemon::Tools;

// Demotes the service's first thread, or all, says step 1, and restores them when it is told to.
std::function<void(Tools&)> demoting_first(const PlayedService& service, bool idle = false) {
  return [&service, idle](Tools& tools) {
    const auto id =
        tools.demoter.demote(service.thread(0), {idle, 13}, kUnannounced, [] { return true; });
    if (!id) return;
    tools.steps.store(1);
    beat_until_ordered(tools);
    if (tools.demoter.restore(*id)) tools.steps.store(2);
    beat_forever(tools);
  };
}

bool is_ordinary(pid_t tid) {
  const auto now = act::read_priority(tid);
  return now && now->policy == SCHED_OTHER && now->nice == 0 && !act::resets_on_fork(*now);
}

}  // namespace

TEST_CASE("What a demoted thread spawned comes back to the priority it would have had") {
  if (!may_raise()) return;
  for (const bool idle : {false, true}) {
    const TempDir dir;
    PlayedService service;
    PlayedDaemon daemon(dir.path(), demoting_first(service, idle));
    REQUIRE(daemon.reaches(1));
    std::vector<pid_t> offspring;
    for (const char what : {'t', 'f', 'p', 'g', 't'}) offspring.push_back(service.spawn(what));
    daemon.order();
    REQUIRE(daemon.reaches(2));
    for (const pid_t tid : offspring) CHECK(wait_until([&] { return is_ordinary(tid); }));
    CHECK(service.all_at_own_priority());
  }
}

TEST_CASE(
    "All offspring is found, be it more than one round looks at, in a process of many threads") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  for (int i = 0; i < 200; ++i) (void)service.spawn('t');
  PlayedDaemon daemon(dir.path(), demoting_first(service));
  REQUIRE(daemon.reaches(1));
  std::vector<pid_t> offspring;
  for (int i = 0; i < 300; ++i) offspring.push_back(service.spawn('t'));
  for (int i = 0; i < 20; ++i) offspring.push_back(service.spawn('f'));
  daemon.order();
  REQUIRE(daemon.reaches(2));
  for (const pid_t tid : offspring) CHECK(wait_until([&] { return is_ordinary(tid); }));
  CHECK(service.all_at_own_priority());
}

TEST_CASE("What a thread spawns comes back while it is demoted for long") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), demoting_first(service));
  REQUIRE(daemon.reaches(1));
  for (int round = 0; round < 2; ++round) {
    std::vector<pid_t> offspring;
    for (const char what : {'t', 'f', 'p', 'g'}) offspring.push_back(service.spawn(what));
    for (const pid_t tid : offspring) CHECK(wait_until([&] { return is_ordinary(tid); }));
    CHECK_FALSE(service.at_own_priority(0));
  }
}

TEST_CASE("What a thread spawned comes back when the daemon is killed") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), demoting_first(service));
  REQUIRE(daemon.reaches(1));
  std::vector<pid_t> offspring;
  for (const char what : {'t', 'f', 'p', 'g'}) offspring.push_back(service.spawn(what));
  daemon.kill();
  CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
  for (const pid_t tid : offspring) CHECK(is_ordinary(tid));
}

TEST_CASE("What a thread spawned comes back with the next daemon when its guardian died, too") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), demoting_first(service));
  REQUIRE(daemon.reaches(1));
  const pid_t thread = service.spawn('t');
  const pid_t process = service.spawn('f');
  ::kill(daemon.guardian(), SIGKILL);
  daemon.kill();
  CHECK_FALSE(is_ordinary(thread));
  PlayedDaemon next(dir.path(), [](Tools&) {});
  CHECK(wait_until([&] { return is_ordinary(thread) && is_ordinary(process); }));
}

TEST_CASE(
    "Threads of the isolation pool and threads of other priorities are not taken for offspring") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  const pid_t older = service.spawn('t');
  act::SchedAttr low = *act::read_priority(older);
  low.nice = 13;
  REQUIRE(act::write_priority(older, low) == 0);
  // Ticks are 10 ms: that it began before the demotion must show.
  const std::uint64_t began = clocks::boot_ticks_now();
  REQUIRE(wait_until([&] { return clocks::boot_ticks_now() > began; }));
  PlayedDaemon daemon(dir.path(), demoting_first(service));
  REQUIRE(daemon.reaches(1));
  const pid_t isolation = service.spawn('i');
  const pid_t other = service.spawn('t');
  act::SchedAttr own = *act::read_priority(other);
  own.nice = 14;
  REQUIRE(act::write_priority(other, own) == 0);
  const pid_t last = service.spawn('t');
  CHECK(wait_until([&] { return is_ordinary(last); }));
  daemon.kill();
  CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
  CHECK(act::read_priority(older)->nice == 13);
  CHECK(act::read_priority(isolation)->nice == 13);
  CHECK(act::read_priority(other)->nice == 14);
}

TEST_CASE("A thread that is demoted itself is nobody's offspring") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), [&](Tools& tools) {
    const auto first = tools.demoter.demote(service.thread(0), PlayedDaemon::kLow, kUnannounced,
                                            [] { return true; });
    beat_until_ordered(tools);
    const auto tid = static_cast<pid_t>(tools.orders.load());
    const clocks::PeerThread young{
        service.thread(0).pid, tid,
        clocks::read_thread_stat(service.thread(0).pid, tid)->start_time};
    // It is back at its own priority by now, or it could not be lowered.
    if (!first ||
        !tools.demoter.demote(young, PlayedDaemon::kLow, kUnannounced, [] { return true; }))
      return;
    if (tools.demoter.restore(*first)) tools.steps.store(1);
    beat_forever(tools);
  });
  const pid_t young = service.spawn('t');
  CHECK(wait_until([&] { return is_ordinary(young); }));
  daemon.order(static_cast<std::uint32_t>(young));
  REQUIRE(daemon.reaches(1));
  // The entry of the first is freed once its offspring was looked for twice.
  CHECK(wait_until([&] { return act::DemotionLedger(dir.path() + "/demotions").held() == 1; }));
  CHECK(act::read_priority(young)->nice == 13);
  daemon.kill();
  CHECK(wait_until([&] { return is_ordinary(young); }));
}

TEST_CASE("A search among many young threads that are low by their own choice comes to an end") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  act::DemotionLedger ledger(dir.path() + "/demotions");
  const act::SchedAttr before = service.own_priority(0);
  const act::SchedAttr low = *act::lowered(before, PlayedDaemon::kLow);
  std::vector<act::DemotedThread> parents;
  for (std::size_t i = 0; i < PlayedService::kThreads; ++i) {
    parents.push_back({service.thread(i), before, low, clocks::boot_ticks_now()});
    REQUIRE(ledger.hold(parents.back()));
  }
  for (int i = 0; i < 400; ++i) REQUIRE(act::write_priority(service.spawn('t'), low) == 0);
  const auto search = std::make_unique<act::OffspringSearch>(ledger);
  std::size_t complete = 0;
  for (int round = 0; round < 1000 && complete < parents.size(); ++round) {
    search->begin_round();
    complete = 0;
    for (const act::DemotedThread& parent : parents) {
      const bool through = search->look(parent, 1);
      // A round ends early for no other reason.
      CHECK((through || search->exhausted()));
      if (through) ++complete;
    }
  }
  CHECK(complete == parents.size());
}

}  // namespace pulsed::test
