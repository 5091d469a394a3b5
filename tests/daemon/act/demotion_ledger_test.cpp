#include "daemon/act/demotion_ledger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "daemon/act/demotion_file.h"
#include "tests/daemon/act/no_descriptors.h"
#include "tests/daemon/act/parked_thread.h"
#include "tests/support/temp_dir.h"

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;
using act::DemotedThread;
using act::DemotionLedger;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) {
  fs::remove_all(path);
  std::ofstream(path, std::ios::binary) << text;
  ::chmod(path.c_str(), 0600);
}

bool may_raise() {
  if (act::may_set_priorities()) return true;
  MESSAGE("skipped: needs CAP_SYS_NICE");
  return false;
}

}  // namespace

TEST_CASE("A held thread is found until it is restored, and comes back to its own priority") {
  if (!may_raise()) return;
  const TempDir dir;
  const ParkedThread thread;
  thread.set_nice(-4);
  const act::SchedAttr before = thread.priority();
  DemotionLedger ledger(dir.path() + "/demotions");
  CHECK(ledger.replaced().empty());
  const DemotedThread demotion = thread.demotion();
  const auto id = ledger.hold(demotion);
  REQUIRE(id);
  CHECK(ledger.held() == 1);
  CHECK(ledger.find(*id)->applied == demotion.applied);
  thread.set(demotion.applied);
  CHECK(ledger.restore(*id));
  CHECK(thread.priority() == before);
  CHECK_FALSE(ledger.find(*id));
  thread.set_nice(13);
  CHECK(ledger.restore(*id));
  CHECK(thread.priority().nice == 13);
}

TEST_CASE("The ledger that opens next restores what one before it left held") {
  if (!may_raise()) return;
  const TempDir dir;
  std::vector<std::unique_ptr<ParkedThread>> threads;
  {
    DemotionLedger ledger(dir.path() + "/demotions");
    for (int i = 0; i < 20; ++i) {
      threads.push_back(std::make_unique<ParkedThread>());
      threads.back()->set_nice(i - 10);
      const DemotedThread demotion = threads.back()->demotion();
      REQUIRE(ledger.hold(demotion));
      threads.back()->set(demotion.applied);
    }
  }
  threads[3]->end();
  DemotionLedger ledger(dir.path() + "/demotions");
  CHECK(ledger.replaced().empty());
  CHECK(ledger.restore_all().restored == 19);
  for (int i = 0; i < 20; ++i) {
    if (i != 3) CHECK(threads[static_cast<std::size_t>(i)]->priority().nice == i - 10);
  }
  CHECK(ledger.restore_all().restored == 0);
}

TEST_CASE("A thread that cannot be put back for now stays held, and its id stays good") {
  if (!may_raise()) return;
  const TempDir dir;
  const ParkedThread thread;
  const act::SchedAttr before = thread.priority();
  DemotionLedger ledger(dir.path() + "/demotions");
  const DemotedThread demotion = thread.demotion();
  const auto id = ledger.hold(demotion);
  REQUIRE(id);
  thread.set(demotion.applied);
  {
    const NoDescriptors none;
    CHECK_FALSE(ledger.restore(*id));
    const DemotionLedger::Restored all = ledger.restore_all();
    CHECK(all.restored == 0);
    CHECK(all.failed == 1);
  }
  CHECK(ledger.find(*id));
  CHECK(thread.priority() == demotion.applied);
  CHECK(ledger.restore(*id));
  CHECK(thread.priority() == before);
}

TEST_CASE("A thread that set its own priority meanwhile is left alone") {
  if (!may_raise()) return;
  const TempDir dir;
  const ParkedThread nice;
  const ParkedThread batch;
  DemotionLedger ledger(dir.path() + "/demotions");
  for (const ParkedThread* thread : {&nice, &batch}) {
    const DemotedThread demotion = thread->demotion();
    REQUIRE(ledger.hold(demotion));
    thread->set(demotion.applied);
  }
  nice.set_nice(7);
  act::SchedAttr own = batch.priority();
  own.policy = SCHED_BATCH;
  batch.set(own);
  CHECK(ledger.restore_all().restored == 0);
  CHECK(nice.priority().nice == 7);
  CHECK(act::same_priority(batch.priority(), own));
}

TEST_CASE("A thread that reuses the number of a demoted one is never touched") {
  if (!may_raise()) return;
  const TempDir dir;
  const ParkedThread thread;
  DemotedThread demotion = thread.demotion();
  demotion.thread.start_time -= 1;
  DemotionLedger ledger(dir.path() + "/demotions");
  const auto id = ledger.hold(demotion);
  REQUIRE(id);
  thread.set(demotion.applied);
  CHECK(ledger.restore(*id));
  CHECK(act::same_priority(thread.priority(), demotion.applied));
  REQUIRE(ledger.hold(demotion));
  CHECK(ledger.restore_all().restored == 0);
  CHECK(act::same_priority(thread.priority(), demotion.applied));
}

TEST_CASE("A full ledger takes no more, and what it gave away names nothing once it is free") {
  const TempDir dir;
  const ParkedThread thread;
  const DemotedThread demotion = thread.demotion();
  DemotionLedger ledger(dir.path() + "/demotions");
  std::vector<act::DemotionId> ids;
  while (const auto id = ledger.hold(demotion)) ids.push_back(*id);
  CHECK(ids.size() == DemotionLedger::kCapacity);
  CHECK(ledger.held() == DemotionLedger::kCapacity);
  ledger.withdraw(ids[77]);
  CHECK_FALSE(ledger.find(ids[77]));
  const auto again = ledger.hold(demotion);
  REQUIRE(again);
  CHECK(*again != ids[77]);
  CHECK_FALSE(ledger.find(ids[77]));
  CHECK(ledger.find(*again));
  ledger.withdraw(ids[77]);
  CHECK(ledger.find(*again));
}

TEST_CASE("What others freed is found a few at a time, and the part of the file in use shrinks") {
  const TempDir dir;
  const std::string path = dir.path() + "/demotions";
  const ParkedThread thread;
  const DemotedThread demotion = thread.demotion();
  DemotionLedger ledger(path);
  std::vector<act::DemotionId> ids;
  while (const auto id = ledger.hold(demotion)) ids.push_back(*id);
  const auto entries_in_use = [&] {
    constexpr std::size_t kOffset = 64;
    std::uint32_t high = 0;
    text_of(path).copy(reinterpret_cast<char*>(&high), sizeof(high), kOffset);
    return high;
  };
  CHECK(entries_in_use() == DemotionLedger::kCapacity);
  {
    // As a guardian does, which this ledger is not told of.
    DemotionLedger other(path);
    for (std::size_t i = 100; i < ids.size(); ++i) other.withdraw(ids[i]);
  }
  for (std::uint32_t i = 0; i < DemotionLedger::kCapacity; ++i) ledger.beat();
  CHECK(entries_in_use() == 100);
  const auto again = ledger.hold(demotion);
  REQUIRE(again);
  CHECK(entries_in_use() == 101);
  ledger.withdraw(*again);
  for (std::size_t i = 0; i < 100; ++i) ledger.withdraw(ids[i]);
  ledger.beat();
  CHECK(entries_in_use() == 0);
}

TEST_CASE("What is no demotion is not held") {
  const TempDir dir;
  const ParkedThread thread;
  DemotedThread demotion = thread.demotion();
  demotion.applied = demotion.before;
  DemotionLedger ledger(dir.path() + "/demotions");
  CHECK_FALSE(ledger.hold(demotion));
}

TEST_CASE("A file that is no sound ledger of ours is replaced and said so") {
  const TempDir dir;
  const std::string path = dir.path() + "/demotions";
  { const DemotionLedger sound(path); }
  const std::string whole = text_of(path);
  const auto replaced = [&] {
    const DemotionLedger ledger(path);
    CHECK(ledger.held() == 0);
    CHECK(fs::is_regular_file(fs::symlink_status(path)));
    return ledger.replaced();
  };
  CHECK(replaced().empty());
  write(path, "");
  CHECK(replaced() == "its size is wrong");
  write(path, whole + "x");
  CHECK(replaced() == "its size is wrong");
  write(path, std::string(whole.size(), '\xff'));
  CHECK(replaced() == "it is no ledger of this version");
  write(path, whole);
  ::chmod(path.c_str(), 0644);
  CHECK(replaced() == "others may open it");
  write(path, whole);
  fs::create_hard_link(path, dir.path() + "/other");
  CHECK(replaced() == "it has other names");
  CHECK(text_of(dir.path() + "/other") == whole);
  fs::remove(path);
  fs::create_symlink(dir.path() + "/other", path);
  CHECK(replaced() == "it is a symbolic link");
  CHECK(text_of(dir.path() + "/other") == whole);
  fs::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(replaced() == "it is no regular file");
  std::string other_boot = whole;
  other_boot[other_boot.find('-')] = '+';
  write(path, other_boot);
  CHECK(replaced() == "it is of another boot");
  CHECK(replaced().empty());
}

TEST_CASE("Where no ledger can be made, the reason says what to do") {
  const TempDir dir;
  const std::string path = dir.path() + "/demotions";
  fs::create_directories(path + "/full");
  CHECK_THROWS_WITH_AS(DemotionLedger{path}, doctest::Contains("--run-dir"), std::runtime_error);
  CHECK_THROWS_AS(DemotionLedger{dir.path() + "/none/demotions"}, std::runtime_error);
}

TEST_CASE("Hostile bytes in a ledger do no more than fill it") {
  const TempDir dir;
  const std::string path = dir.path() + "/demotions";
  const ParkedThread thread;
  const act::SchedAttr before = thread.priority();
  {
    DemotionLedger ledger(path);
    for (int i = 0; i < 50; ++i) REQUIRE(ledger.hold(thread.demotion()));
  }
  const std::string whole = text_of(path);
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    std::string text = whole;
    const std::size_t reach = round % 3 == 0 ? 64 : 4096 + 50 * sizeof(act::DemotionEntry);
    for (int i = 0; i < 1 << round % 10; ++i) {
      text[random() % reach] = static_cast<char>(random());
    }
    write(path, text);
    DemotionLedger ledger(path);
    (void)ledger.restore_all();
    const auto id = ledger.hold(thread.demotion());
    if (id) ledger.withdraw(*id);
    CHECK(ledger.held() <= DemotionLedger::kCapacity);
    CHECK(thread.priority() == before);
  }
}

}  // namespace pulsed::test
