#include "shared_memory/task_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace pulsed::shm {
namespace {

constexpr std::uint32_t kDeal = TaskTable::kDeal;
constexpr std::uint16_t kClass = 5;

std::uint32_t open(TaskTable& table, SlotQueue& local) { return table.open(local, kClass).slot; }

void close(TaskTable& table, SlotQueue& local, std::uint32_t slot) {
  table.retire(slot);
  table.close(local, slot);
}

TEST_CASE("each worker is dealt a cache line of slots of its own") {
  TaskTable table(1024);
  SlotQueue a, b;
  std::set<std::uint32_t> lines_of_a, lines_of_b;
  for (std::uint32_t i = 0; i < 2 * kDeal; ++i) {
    lines_of_a.insert(open(table, a) / kDeal);
    lines_of_b.insert(open(table, b) / kDeal);
  }
  CHECK(lines_of_a.size() == 2);
  CHECK(lines_of_b.size() == 2);
  for (const std::uint32_t line : lines_of_a) CHECK_FALSE(lines_of_b.contains(line));
}

TEST_CASE("the reserved slot and its cache line are never dealt") {
  TaskTable table(64);
  SlotQueue local;
  std::set<std::uint32_t> dealt;
  while (const std::uint32_t slot = open(table, local)) dealt.insert(slot);
  CHECK(dealt.size() == 64 - kDeal);
  CHECK(*dealt.begin() == kDeal);
  CHECK(*dealt.rbegin() == 63);
}

TEST_CASE("slots are reused first in and first out") {
  TaskTable table(1024);
  SlotQueue local;
  std::vector<std::uint32_t> slots;
  for (std::uint32_t i = 0; i < kDeal; ++i) slots.push_back(open(table, local));
  std::shuffle(slots.begin(), slots.end(), std::minstd_rand(1));
  for (const std::uint32_t slot : slots) close(table, local, slot);
  for (const std::uint32_t slot : slots) CHECK(open(table, local) == slot);
}

TEST_CASE("used slots are dealt before fresh ones") {
  TaskTable table(65536);
  SlotQueue worker;
  for (int round = 0; round < 100; ++round) {
    std::vector<std::uint32_t> slots;
    for (int i = 0; i < 1000; ++i) slots.push_back(open(table, worker));
    for (const std::uint32_t slot : slots) close(table, worker, slot);
  }
  // One round's tasks and what may lie in a worker's own queue or short of a deal.
  CHECK(table.high() <= 1000 + 17 * kDeal + kDeal);
}

TEST_CASE("a full table deals no slot and deals again once one is closed") {
  TaskTable table(64);
  SlotQueue local;
  std::uint32_t last = 0;
  while (const std::uint32_t slot = open(table, local)) last = slot;
  CHECK(table.open(local, kClass).generation == 0);
  CHECK(table.open_shared(kClass).slot == 0);
  close(table, local, last);
  CHECK(open(table, local) == last);
  CHECK(open(table, local) == 0);
}

TEST_CASE("a table whose size is no whole number of lines deals its last slots too") {
  TaskTable table(70);
  SlotQueue local;
  std::uint32_t dealt = 0;
  while (open(table, local) != 0) ++dealt;
  CHECK(dealt == 70 - kDeal);
}

TEST_CASE("each deal has the next generation and none is zero") {
  TaskTable table(64);
  SlotQueue local;
  for (std::uint32_t i = kDeal + 1; i < 64; ++i) REQUIRE(open(table, local) != 0);
  std::uint16_t last = 0;
  for (int i = 0; i < 70'000; ++i) {
    const DealtSlot dealt = table.open(local, kClass);
    REQUIRE(dealt.generation == (last == 65535 ? 1 : last + 1));
    last = dealt.generation;
    close(table, local, dealt.slot);
  }
}

TEST_CASE("the identity word says generation and class and whether the task lives") {
  TaskTable table(64);
  SlotQueue local;
  const DealtSlot dealt = table.open(local, 4095);
  CHECK(table.identity(dealt.slot) == (1U << 16 | 4095U << 4 | PULSED_IDENTITY_LIVE));
  table.set_class(dealt.slot, 7);
  CHECK(table.identity(dealt.slot) == (1U << 16 | 7U << 4 | PULSED_IDENTITY_LIVE));
  table.retire(dealt.slot);
  CHECK(table.identity(dealt.slot) == (1U << 16 | 7U << 4 | PULSED_IDENTITY_FREE));
}

TEST_CASE("what a worker leaves behind serves other workers") {
  TaskTable table(64);
  SlotQueue first, second;
  const std::uint32_t slot = open(table, first);
  close(table, first, slot);
  table.give_back(first);
  CHECK(first.count == 0);
  std::set<std::uint32_t> dealt;
  while (const std::uint32_t s = open(table, second)) dealt.insert(s);
  CHECK(dealt.size() == 64 - kDeal);
}

TEST_CASE("a worker that closes what others opened hands slots on") {
  TaskTable table(1024);
  SlotQueue opener, closer;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t slot = open(table, opener);
    REQUIRE(slot != 0);
    close(table, closer, slot);
  }
}

TEST_CASE("the queues of idle workers keep at most a quarter of a small table from the others") {
  constexpr std::uint32_t kWorkers = 64;
  for (const std::uint32_t slots : {256U, 1024U, 8192U}) {
    TaskTable table(slots, kWorkers);
    std::array<SlotQueue, kWorkers> idle;
    for (SlotQueue& local : idle) {
      std::vector<std::uint32_t> mine;
      while (const std::uint32_t slot = open(table, local)) mine.push_back(slot);
      for (const std::uint32_t slot : mine) close(table, local, slot);
    }
    SlotQueue busy;
    std::uint32_t dealt = 0;
    while (open(table, busy) != 0) ++dealt;
    CHECK(dealt + slots / 4 >= slots - kDeal);
  }
}

TEST_CASE("threads without a queue share slots with workers") {
  TaskTable table(64);
  SlotQueue local;
  std::set<std::uint32_t> dealt;
  for (std::uint32_t i = 0; i < 64 - kDeal; ++i) {
    dealt.insert(i % 2 == 0 ? open(table, local) : table.open_shared(kClass).slot);
  }
  dealt.erase(0);  // one side may find the rest in the other's queue
  CHECK(dealt.size() >= 64 - 2 * kDeal);
  for (const std::uint32_t slot : dealt) {
    table.retire(slot);
    table.close_shared(slot);
  }
  CHECK(open(table, local) != 0);
}

// The model: a set of live slots, and the generation each slot had last.
TEST_CASE("any order of opening and closing agrees with a model") {
  std::minstd_rand random(20240607);
  TaskTable table(512);
  std::array<SlotQueue, 3> locals;
  std::map<std::uint32_t, std::uint16_t> live, last;
  for (int step = 0; step < 200'000; ++step) {
    SlotQueue& local = locals[random() % locals.size()];
    const bool shared = random() % 4 == 0;
    // Lean to opening and to closing in turns, so that the table is seen empty and full.
    const bool opening = random() % 100 < (step / 20'000 % 2 == 0 ? 60 : 40);
    if (opening || live.empty()) {
      const DealtSlot dealt = shared ? table.open_shared(kClass) : table.open(local, kClass);
      if (dealt.slot == 0) continue;
      REQUIRE(dealt.slot >= kDeal);
      REQUIRE(dealt.slot < 512);
      REQUIRE_FALSE(live.contains(dealt.slot));
      REQUIRE(dealt.generation == last[dealt.slot] + 1);
      live[dealt.slot] = last[dealt.slot] = dealt.generation;
    } else {
      auto victim = live.lower_bound(static_cast<std::uint32_t>(random() % 512));
      if (victim == live.end()) victim = live.begin();
      table.retire(victim->first);
      shared ? table.close_shared(victim->first) : table.close(local, victim->first);
      live.erase(victim);
    }
  }
  for (SlotQueue& local : locals) table.give_back(local);
  std::size_t free = 0;
  while (open(table, locals[0]) != 0) ++free;
  CHECK(free + live.size() == 512 - kDeal);
}

// Guarantee: a slot belongs to one task at a time, whichever threads open and close it, with or without queues of their own.
// Slots pass between threads through a shared exchange, so that most are closed by another thread than opened them.
TEST_CASE("eight threads open and close tasks and no slot has two owners") {
  constexpr std::uint32_t kSlots = 2048;
  TaskTable table(kSlots);
  std::vector<std::atomic<int>> owners(kSlots);
  std::vector<std::atomic<std::uint32_t>> exchange(256);
  std::atomic<int> shared_slots{0};
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 8; ++id) {
    threads.emplace_back([&, id] {
      std::minstd_rand random(id + 1);
      SlotQueue local;
      for (int i = 0; i < 20'000; ++i) {
        const bool alone = id % 4 == 3;  // two of the eight are no workers
        const std::uint32_t slot = alone ? table.open_shared(kClass).slot : open(table, local);
        if (slot != 0 && owners[slot].fetch_add(1) != 0) shared_slots.fetch_add(1);
        const std::uint32_t old = exchange[random() % exchange.size()].exchange(slot);
        if (old == 0) continue;
        owners[old].fetch_sub(1);
        table.retire(old);
        alone ? table.close_shared(old) : table.close(local, old);
      }
      table.give_back(local);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(shared_slots == 0);
}

}  // namespace
}  // namespace pulsed::shm
