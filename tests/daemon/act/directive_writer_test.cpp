#include "daemon/act/directive_writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace pulsed::act {
namespace {

using policy::ClassId;
using policy::Tier;

constexpr ClassId kClass{2};

struct Memory {
  static constexpr shm::Dimensions kDimensions{4, 64, 128, 8};
  pulsed_daemon_line line{};
  std::vector<std::uint64_t> reads = std::vector<std::uint64_t>(4);
  std::vector<pulsed_worker_word> workers = std::vector<pulsed_worker_word>(4);
  std::vector<std::uint32_t> tasks = std::vector<std::uint32_t>(128);
  std::vector<std::uint32_t> classes = std::vector<std::uint32_t>(8);
  shm::DaemonRegions regions{&line, reads.data(), workers.data(), tasks.data(), classes.data()};

  [[nodiscard]] std::uint32_t asked(std::uint32_t slot) const {
    return tasks[slot] & PULSED_DIRECTIVE_MASK;
  }
  [[nodiscard]] std::uint32_t tier(std::uint32_t slot) const {
    return tasks[slot] >> PULSED_WORD_TIER_SHIFT & PULSED_WORD_TIER_MASK;
  }
};

TEST_CASE("each tier asks what it should, and its word says the tier") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  const std::vector<std::uint32_t> expected{
      PULSED_DIRECTIVE_NONE, PULSED_DIRECTIVE_MEASURE,
      PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD,
      PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD | PULSED_DIRECTIVE_ISOLATE};
  for (std::uint32_t t = 0; t < expected.size(); ++t) {
    w.set_task({20, 3}, kClass, static_cast<Tier>(t));
    CHECK(m.asked(20) == expected[t]);
    CHECK(m.tier(20) == t);
    CHECK((m.tasks[20] >> PULSED_WORD_GENERATION_SHIFT) == 3);
  }
}

TEST_CASE("without enforce words say the tier and ask nothing") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions);
  w.set_task({20, 3}, kClass, Tier::kIsolate);
  w.set_class(kClass, Tier::kIsolate);
  CHECK(m.asked(20) == 0);
  CHECK(m.tier(20) == PULSED_TIER_ISOLATE);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_MASK) == 0);
  CHECK_FALSE(w.ask_yield(0, 77, kClass));
  CHECK(m.workers[0].yield_start == 0);
  CHECK(w.counts().isolate == 0);
  CHECK(w.counts().yield == 0);
  CHECK(w.counts().measure == 0);
}

// A service's tasks as the TierManager has them, and their words.
struct Words : Memory {
  DirectiveWriter w{regions, kDimensions};
  policy::TierManager tiers{{kDimensions.tasks, kDimensions.classes}};

  void add(policy::TaskId task, ClassId cls, Tier tier) {
    tiers.task_opened(task, cls, policy::Time{1});
    w.set_task(task, cls, tier);
  }
  void rewrite() {
    std::uint32_t units = 1'000'000;
    CHECK(w.rewrite(tiers, units));
  }
};

TEST_CASE("a switch of a class's enforcement gives and takes every directive of its tasks") {
  Words m;
  m.add({20, 3}, kClass, Tier::kIsolate);
  m.add({127, 1}, kClass, Tier::kWarn);
  m.w.set_class(kClass, Tier::kYield);
  m.w.set_mode(kClass, {.enforce = true});
  m.rewrite();
  CHECK((m.asked(20) & PULSED_DIRECTIVE_ISOLATE) != 0);
  CHECK(m.asked(127) == PULSED_DIRECTIVE_MEASURE);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_YIELD) != 0);
  CHECK(m.w.ask_yield(1, 99, kClass));
  m.w.set_mode(kClass, {});
  m.rewrite();
  CHECK(m.asked(20) == 0);
  CHECK(m.asked(127) == 0);
  CHECK(m.tier(20) == PULSED_TIER_ISOLATE);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_MASK) == 0);
  CHECK_FALSE(m.w.ask_yield(1, 100, kClass));
}

TEST_CASE("a class's mode is no other's") {
  Words m;
  m.add({20, 3}, kClass, Tier::kIsolate);
  m.add({21, 3}, ClassId{3}, Tier::kIsolate);
  m.w.set_class(ClassId{3}, Tier::kIsolate);
  m.w.set_mode(kClass, {.enforce = true});
  m.rewrite();
  CHECK(m.asked(20) != 0);
  CHECK(m.asked(21) == 0);
  CHECK((m.classes[3] & PULSED_DIRECTIVE_MASK) == 0);
  CHECK_FALSE(m.w.ask_yield(0, 77, ClassId{3}));
  CHECK(m.w.ask_yield(0, 77, kClass));
}

TEST_CASE("tasks of a class that may not migrate are never sent to the isolation pool") {
  Words m;
  m.w.set_mode(kClass, {.enforce = true, .migrate = false});
  m.add({20, 3}, kClass, Tier::kIsolate);
  m.w.set_class(kClass, Tier::kIsolate);
  CHECK(m.asked(20) == (PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD));
  CHECK(m.tier(20) == PULSED_TIER_ISOLATE);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_ISOLATE) == 0);
  m.w.set_mode(kClass, {.enforce = true});
  m.rewrite();
  CHECK((m.asked(20) & PULSED_DIRECTIVE_ISOLATE) != 0);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_ISOLATE) != 0);
}

TEST_CASE("a class's weight is in its own word alone, and the ordinary one is 0") {
  Words m;
  const auto weight = [](std::uint32_t word) {
    return word >> PULSED_WORD_WEIGHT_SHIFT & PULSED_WORD_WEIGHT_MASK;
  };
  m.add({20, 3}, kClass, Tier::kIsolate);
  m.w.set_mode(kClass, {.enforce = true, .weight = 1000});
  m.w.set_class(kClass, Tier::kIsolate);
  m.rewrite();
  CHECK(weight(m.classes[2]) == 1000);
  CHECK(weight(m.tasks[20]) == 0);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_MASK) == PULSED_DIRECTIVE_MASK);
  CHECK((m.classes[2] >> PULSED_WORD_GENERATION_SHIFT) == 1);
  m.w.set_mode(kClass, {.enforce = true, .weight = policy::kOrdinaryWeight});
  CHECK(weight(m.classes[2]) == 0);
}

TEST_CASE("words are rewritten a part at a time, and a change meanwhile leaves none out") {
  Words m;
  for (std::uint16_t slot = 1; slot < 128; ++slot) m.add({slot, 1}, kClass, Tier::kYield);
  const auto asked = [&] {
    return std::count_if(m.tasks.begin(), m.tasks.end(),
                         [](std::uint32_t word) { return (word & PULSED_DIRECTIVE_MASK) != 0; });
  };
  m.w.set_mode(kClass, {.enforce = true});
  std::uint32_t units = 8;
  CHECK_FALSE(m.w.rewrite(m.tiers, units));
  CHECK(units == 0);
  CHECK(asked() > 0);
  CHECK(asked() < 127);
  m.w.set_mode(kClass, {});
  m.rewrite();
  CHECK(asked() == 0);
}

TEST_CASE("tasks that come while words are rewritten leave none out") {
  Words m;
  const auto add = [&](std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t slot = from; slot < to; ++slot) m.add({slot, 1}, kClass, Tier::kIsolate);
  };
  add(1, 50);
  // The next rewriting begins where this one ends.
  m.w.set_mode(kClass, {.enforce = true});
  m.rewrite();
  add(50, 80);
  m.w.set_mode(kClass, {});
  std::uint32_t units = 8;
  CHECK_FALSE(m.w.rewrite(m.tiers, units));
  add(80, 127);
  m.rewrite();
  for (std::uint32_t slot = 1; slot < 127; ++slot) CHECK(m.asked(slot) == 0);
}

TEST_CASE("a service that is suspended obeys nothing until it may, however often the heart beats") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  w.heartbeat(1000, 500);
  CHECK(w.ask_yield(0, 77, kClass));
  w.suspend();
  w.heartbeat(1001, 500);
  CHECK(m.line.lease_ticks == 0);
  CHECK(m.workers[0].yield_start == 0);
  w.resume();
  w.heartbeat(1002, 500);
  CHECK(m.line.heartbeat == 1002);
  CHECK(m.line.lease_ticks == 500);
}

TEST_CASE("a poll is asked to yield once, however often it is seen") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  CHECK(w.ask_yield(0, 77, kClass));
  CHECK_FALSE(w.ask_yield(0, 77, kClass));
  CHECK(w.ask_yield(0, 78, kClass));
  CHECK(w.counts().yield == 2);
}

TEST_CASE("a slot's next task starts from its own tier, not from what the last one was asked") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  w.set_task({20, 3}, kClass, Tier::kIsolate);
  CHECK(w.knows({20, 3}));
  CHECK_FALSE(w.knows({20, 4}));
  w.set_task({20, 4}, kClass, Tier::kIsolate);
  CHECK(w.counts().isolate == 2);  // asked anew, of another task
  w.set_task({20, 5}, kClass, Tier::kMonitor);
  CHECK(m.asked(20) == 0);
}

TEST_CASE("a class word's generation counts its changes") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  w.set_class(kClass, Tier::kYield);
  w.set_class(kClass, Tier::kMonitor);
  CHECK((m.classes[2] >> PULSED_WORD_GENERATION_SHIFT) == 2);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_MASK) == 0);
}

TEST_CASE("release takes all back and ends the lease") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  w.heartbeat(1000, 500);
  CHECK(m.line.heartbeat == 1000);
  CHECK(m.line.lease_ticks == 500);
  w.set_task({20, 3}, kClass, Tier::kIsolate);
  w.ask_yield(0, 77, kClass);
  w.release();
  CHECK(m.asked(20) == 0);
  CHECK(m.workers[0].yield_start == 0);
  CHECK(m.line.lease_ticks == 0);
}

TEST_CASE("the service can see which revision of the policy is in force") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  w.set_revision(7);
  CHECK(m.line.revision == 7);
}

TEST_CASE("a task without a slot gets no word") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, {.enforce = true});
  w.set_task({policy::kNoSlot, 0}, kClass, Tier::kIsolate);
  for (const std::uint32_t word : m.tasks) CHECK(word == 0);
}

}  // namespace
}  // namespace pulsed::act
