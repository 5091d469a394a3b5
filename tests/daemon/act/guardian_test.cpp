// Whatever becomes of the daemon, every thread comes back to its own priority, and the ledger is empty in the end.
#include "daemon/act/guardian.h"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

#include "shared_memory/abi.h"
#include "tests/daemon/act/played_daemon.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

using Clock = std::chrono::steady_clock;
using Tools = PlayedDaemon::Tools;
using act::DemotionId;
using act::DemotionLedger;

bool always() { return true; }

std::uint32_t entries_left(const TempDir& dir) {
  return DemotionLedger(dir.path() + "/demotions").held();
}

void demote_all(const PlayedService& service, Tools& tools, std::vector<DemotionId>& ids) {
  for (std::size_t i = 0; i < PlayedService::kThreads; ++i) {
    const auto id =
        tools.demoter.demote(service.thread(i), PlayedDaemon::kLow, kUnannounced, always);
    if (id) ids.push_back(*id);
  }
}

// Demotes all threads, says step 1 and goes on beating.
std::function<void(Tools&)> demoting_all(const PlayedService& service) {
  return [&service](Tools& tools) {
    std::vector<DemotionId> ids;
    demote_all(service, tools, ids);
    tools.steps.store(1);
    beat_forever(tools);
  };
}

// Demotes, boosts, lowers again and restores threads at random, without an end.
std::function<void(Tools&)> demoting_at_random(const PlayedService& service, unsigned seed) {
  return [&service, seed](Tools& tools) {
    std::mt19937 random(seed);
    std::array<std::optional<DemotionId>, PlayedService::kThreads> ids;
    while (true) {
      tools.demoter.beat(monotonic_ns());
      const std::size_t i = random() % ids.size();
      if (!ids[i]) {
        const bool idle = random() % 4 == 0;
        ids[i] = tools.demoter.demote(service.thread(i), {idle, 13}, kUnannounced, always);
      } else if (random() % 3 == 0) {
        tools.demoter.boost(*ids[i]);
        if (random() % 2 == 0) tools.demoter.lower_again(*ids[i], always);
      } else {
        if (tools.demoter.restore(*ids[i])) ids[i].reset();
      }
      tools.steps.fetch_add(1);
    }
  };
}

}  // namespace

TEST_CASE("After SIGKILL of the daemon at random moments every thread is at its own priority") {
  if (!may_raise()) return;
  std::mt19937 random(3);
  std::vector<std::chrono::microseconds> times;
  for (int round = 0; round < trials(20, 200); ++round) {
    CAPTURE(round);
    const TempDir dir;
    PlayedService service;
    PlayedDaemon daemon(dir.path(), demoting_at_random(service, random()));
    REQUIRE(daemon.reaches(random() % 500));
    const Clock::time_point killed = Clock::now();
    daemon.kill(round % 2 == 0);
    CHECK(wait_until([&] { return service.all_at_own_priority(); }));
    times.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - killed));
    CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
    CHECK(service.all_at_own_priority());
    CHECK(entries_left(dir) == 0);
  }
  std::sort(times.begin(), times.end());
  MESSAGE("from SIGKILL to all restored: median " << times[times.size() / 2].count() << " us, p99 "
                                                  << times[times.size() * 99 / 100].count()
                                                  << " us, worst " << times.back().count()
                                                  << " us");
  CHECK(times[times.size() / 2] < milliseconds{100} * slowness());
}

TEST_CASE("A daemon killed between any two steps of a demotion leaves no thread lowered") {
  if (!may_raise()) return;
  for (const int step : {0, 1, 2, 3, 4, 5}) {
    for (const bool guardian_too : {false, true}) {
      CAPTURE(step);
      CAPTURE(guardian_too);
      const TempDir dir;
      PlayedService service;
      PlayedDaemon daemon(dir.path(), [&](Tools& tools) {
        int asked = 0;
        const auto die_at = [&](int here) {
          if (here != step) return;
          if (guardian_too) {
            ::kill(tools.guardian.pid(), SIGKILL);
            ::waitpid(tools.guardian.pid(), nullptr, 0);
          }
          ::raise(SIGKILL);
        };
        // 0: held and not lowered yet; 1: lowered and not looked again.
        const auto id =
            tools.demoter.demote(service.thread(1), PlayedDaemon::kLow, kUnannounced, [&] {
              die_at(asked++);
              return true;
            });
        die_at(2);
        tools.demoter.boost(*id);
        die_at(3);
        tools.demoter.lower_again(*id, always);
        die_at(4);
        (void)tools.demoter.restore(*id);
        die_at(5);
      });
      CHECK(wait_until([&] { return has_ended(daemon.pid()); }));
      daemon.kill();
      CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
      if (guardian_too) {
        // Nobody is left to put it back, until the next daemon comes.
        PlayedDaemon next(dir.path(), [](Tools& tools) { tools.steps.store(1); });
        CHECK(next.reaches(1));
        CHECK(service.all_at_own_priority());
        next.kill();
        CHECK(wait_until([&] { return has_ended(next.guardian()); }));
      }
      CHECK(service.all_at_own_priority());
      CHECK(entries_left(dir) == 0);
    }
  }
}

TEST_CASE("The guardian undoes what a stopped daemon holds, and the daemon goes on after") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), [&](Tools& tools) {
    std::vector<DemotionId> ids;
    demote_all(service, tools, ids);
    tools.steps.store(1);
    beat_until_ordered(tools);
    bool accepted = tools.ledger.undone_by_guardian() == ids.size();
    for (const DemotionId id : ids) accepted = accepted && !tools.demoter.boost(id);
    for (const DemotionId id : ids) accepted = tools.demoter.restore(id) && accepted;
    ids.clear();
    demote_all(service, tools, ids);
    if (accepted && ids.size() == PlayedService::kThreads) tools.steps.store(2);
    beat_forever(tools);
  });
  REQUIRE(daemon.reaches(1));
  for (std::size_t i = 0; i < PlayedService::kThreads; ++i) CHECK_FALSE(service.at_own_priority(i));
  daemon.signal(SIGSTOP);
  CHECK(wait_until([&] { return service.all_at_own_priority(); }));
  daemon.order();
  daemon.signal(SIGCONT);
  REQUIRE(daemon.reaches(2));
  for (std::size_t i = 0; i < PlayedService::kThreads; ++i) CHECK_FALSE(service.at_own_priority(i));
  daemon.kill();
  CHECK(wait_until([&] { return service.all_at_own_priority(); }));
}

// As a worker that ends its poll just as the daemon stops: it waits no longer than PULSED_RESTORE_WAIT_MS, and whatever it
// polls next runs at the priority that it has then.
TEST_CASE("A worker that waits for a stopped daemon has its priority back before it gives up") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), [&](Tools& tools) {
    std::vector<DemotionId> ids;
    demote_all(service, tools, ids);
    for (std::uint32_t round = 1;; ++round) {
      tools.steps.store(round);
      beat_until(tools, [&] { return tools.orders.load() == round; });
      for (const DemotionId id : ids) {
        if (!tools.demoter.lower_again(id, always)) return;
      }
    }
  });
  int polls_lowered = 0;
  milliseconds worst{0};
  const auto rounds = static_cast<std::uint32_t>(trials(10, 200));
  for (std::uint32_t round = 1; round <= rounds; ++round) {
    REQUIRE(daemon.reaches(round));
    CHECK_FALSE(service.at_own_priority(0));
    daemon.signal(SIGSTOP);
    const Clock::time_point stopped = Clock::now();
    while (!service.all_at_own_priority() &&
           Clock::now() - stopped < milliseconds{PULSED_RESTORE_WAIT_MS} * slowness()) {
      std::this_thread::sleep_for(milliseconds{1});
    }
    worst = std::max(worst, std::chrono::duration_cast<milliseconds>(Clock::now() - stopped));
    for (std::size_t i = 0; i < PlayedService::kThreads; ++i) {
      if (!service.at_own_priority(i)) ++polls_lowered;
    }
    daemon.order(round);
    daemon.signal(SIGCONT);
  }
  MESSAGE("from SIGSTOP to all restored: worst " << worst.count() << " ms of " << rounds);
  CHECK(polls_lowered == 0);
}

TEST_CASE("A demoted thread that became another program has its own priority back") {
  if (!may_raise()) return;
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    const TempDir dir;
    PlayedService service;
    PlayedDaemon daemon(dir.path(), [&](Tools& tools) {
      std::vector<DemotionId> ids;
      // The first thread, whose number it takes, has an entry of its own no more.
      const auto first =
          tools.demoter.demote({service.pid(), service.pid(),
                                clocks::read_thread_stat(service.pid(), service.pid())->start_time},
                               PlayedDaemon::kLow, kUnannounced, always);
      // Another thread had a higher priority, which is not to be had by this.
      for (const std::size_t i : {std::size_t{1}, std::size_t{0}}) {
        const auto id =
            tools.demoter.demote(service.thread(i), PlayedDaemon::kLow, kUnannounced, always);
        if (!id) return;
        ids.push_back(*id);
      }
      if (!first || !tools.demoter.restore(*first)) return;
      tools.steps.store(1);
      beat_until_ordered(tools);
      for (const DemotionId id : ids) {
        if (!tools.demoter.restore(id)) return;
      }
      tools.steps.store(2);
      beat_forever(tools);
    });
    REQUIRE(daemon.reaches(1));
    service.exec();
    CHECK(act::read_priority(service.pid())->nice == 13);
    if (killed) {
      daemon.kill();
      CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
    } else {
      daemon.order();
      REQUIRE(daemon.reaches(2));
    }
    CHECK(act::same_priority(*act::read_priority(service.pid()), service.own_priority(0)));
  }
}

TEST_CASE("A process that lowered itself to the same is not taken for what a thread became") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  const clocks::PeerThread thread = service.thread(1);
  const act::SchedAttr before = *act::read_priority(thread.tid);
  act::SchedAttr low = *act::lowered(before, PlayedDaemon::kLow);
  DemotionLedger ledger(dir.path() + "/demotions");
  REQUIRE(act::write_priority(service.pid(), low) == 0);
  // The thread lives, at a priority of its own choice.
  auto id = ledger.hold({thread, before, low, clocks::boot_ticks_now()});
  REQUIRE(id);
  CHECK(ledger.restore(*id));
  CHECK(act::read_priority(service.pid())->nice == 13);
  // The thread has gone, and its process with it: this one began later than the thread.
  id = ledger.hold({{service.pid(), thread.tid, 1}, before, low, clocks::boot_ticks_now()});
  REQUIRE(id);
  CHECK(ledger.restore(*id));
  CHECK(act::read_priority(service.pid())->nice == 13);
}

TEST_CASE(
    "A daemon stopped just before it lowers a thread, and killed just after, leaves it as it was") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), [&](Tools& tools) {
    std::uint32_t asked = 0;
    (void)tools.demoter.demote(service.thread(0), PlayedDaemon::kLow, kUnannounced, [&] {
      tools.steps.store(++asked);
      ::raise(SIGSTOP);
      return true;
    });
  });
  REQUIRE(daemon.reaches(1));
  // There is nothing to see of a guardian that finds the daemon standing still and the thread not lowered.
  const Clock::time_point since = Clock::now();
  CHECK(wait_until([&] { return Clock::now() - since > 2 * act::Guardian::kStale; }));
  daemon.signal(SIGCONT);
  REQUIRE(daemon.reaches(2));
  daemon.kill();
  CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
  CHECK(service.all_at_own_priority());
  CHECK(entries_left(dir) == 0);
}

TEST_CASE("Signals that end services do not end the guardian while threads are demoted") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), demoting_all(service));
  REQUIRE(daemon.reaches(1));
  for (const int signal :
       {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGABRT, SIGALRM, SIGTSTP}) {
    ::kill(daemon.guardian(), signal);
  }
  CHECK_FALSE(service.at_own_priority(0));
  CHECK_FALSE(has_ended(daemon.guardian()));
  daemon.kill(true);
  CHECK(wait_until([&] { return service.all_at_own_priority(); }));
  CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
}

TEST_CASE("The guardian keeps nothing of the daemon's open, and its lock is free when it is dead") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), demoting_all(service));
  REQUIRE(daemon.reaches(1));
  const pid_t guardian = daemon.guardian();
  CHECK(std::string(clocks::read_thread_stat(guardian, guardian)->name.data()) ==
        "pulsed-guardian");
  CHECK(::getsid(guardian) == guardian);
  ::kill(guardian, SIGSTOP);
  daemon.kill();
  const int lock = ::open((dir.path() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  CHECK(::flock(lock, LOCK_EX | LOCK_NB) == 0);
  ::close(lock);
  ::kill(guardian, SIGCONT);
  CHECK(wait_until([&] { return service.all_at_own_priority(); }));
}

TEST_CASE("The guardian of a daemon that is gone undoes nothing that its successor does") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon first(dir.path(), demoting_all(service));
  REQUIRE(first.reaches(1));
  ::kill(first.guardian(), SIGSTOP);
  first.kill();
  PlayedDaemon second(dir.path(), demoting_all(service));
  REQUIRE(second.reaches(1));
  ::kill(first.guardian(), SIGCONT);
  CHECK(wait_until([&] { return has_ended(first.guardian()); }));
  for (std::size_t i = 0; i < PlayedService::kThreads; ++i) CHECK_FALSE(service.at_own_priority(i));
  second.kill();
  CHECK(wait_until([&] { return service.all_at_own_priority(); }));
  CHECK(wait_until([&] { return has_ended(second.guardian()); }));
  CHECK(entries_left(dir) == 0);
}

TEST_CASE("A service killed while its threads are demoted leaves an empty ledger") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), demoting_at_random(service, 5));
  REQUIRE(daemon.reaches(20));
  daemon.signal(SIGSTOP);
  service.kill();
  daemon.kill();
  CHECK(wait_until([&] { return has_ended(daemon.guardian()); }));
  CHECK(entries_left(dir) == 0);
}

TEST_CASE("A daemon that ends in good order takes its guardian with it") {
  if (!may_raise()) return;
  const TempDir dir;
  PlayedService service;
  PlayedDaemon daemon(dir.path(), [&](Tools& tools) {
    {
      DemotionLedger ledger(dir.path() + "/own");
      act::Guardian guardian(ledger);
      act::Demoter demoter(&ledger, &guardian);
      if (!demoter.demote(service.thread(0), PlayedDaemon::kLow, kUnannounced, always)) return;
      tools.orders.store(static_cast<std::uint32_t>(guardian.pid()));
    }
    if (has_ended(static_cast<pid_t>(tools.orders.load())) && service.at_own_priority(0)) {
      tools.steps.store(1);
    }
  });
  CHECK(daemon.reaches(1));
}

}  // namespace pulsed::test
