#include "daemon/act/directive_writer.h"

#include <doctest/doctest.h>

#include <vector>

namespace pulsed::act {
namespace {

using policy::ClassId;
using policy::Tier;

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
  DirectiveWriter w(m.regions, Memory::kDimensions, true);
  const std::vector<std::uint32_t> expected{
      PULSED_DIRECTIVE_NONE, PULSED_DIRECTIVE_MEASURE,
      PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD,
      PULSED_DIRECTIVE_MEASURE | PULSED_DIRECTIVE_YIELD | PULSED_DIRECTIVE_ISOLATE};
  for (std::uint32_t t = 0; t < expected.size(); ++t) {
    w.set_task({20, 3}, static_cast<Tier>(t));
    CHECK(m.asked(20) == expected[t]);
    CHECK(m.tier(20) == t);
    CHECK((m.tasks[20] >> PULSED_WORD_GENERATION_SHIFT) == 3);
  }
}

TEST_CASE("without enforce words say the tier and ask nothing") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, false);
  w.set_task({20, 3}, Tier::kIsolate);
  w.set_class(ClassId{2}, Tier::kIsolate);
  CHECK(m.asked(20) == 0);
  CHECK(m.tier(20) == PULSED_TIER_ISOLATE);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_MASK) == 0);
  CHECK_FALSE(w.ask_yield(0, 77));
  CHECK(m.workers[0].yield_start == 0);
  CHECK(w.counts().isolate == 0);
  CHECK(w.counts().yield == 0);
  CHECK(w.counts().measure == 0);
}

TEST_CASE("a switch of enforcement gives and takes every directive") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, false);
  w.set_task({20, 3}, Tier::kIsolate);
  w.set_task({127, 1}, Tier::kWarn);
  w.set_class(ClassId{2}, Tier::kYield);
  w.set_enforce(true);
  CHECK((m.asked(20) & PULSED_DIRECTIVE_ISOLATE) != 0);
  CHECK(m.asked(127) == PULSED_DIRECTIVE_MEASURE);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_YIELD) != 0);
  CHECK(w.ask_yield(1, 99));
  w.set_enforce(false);
  CHECK(m.asked(20) == 0);
  CHECK(m.asked(127) == 0);
  CHECK(m.tier(20) == PULSED_TIER_ISOLATE);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_MASK) == 0);
  CHECK(m.workers[1].yield_start == 0);
}

TEST_CASE("a poll is asked to yield once, however often it is seen") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, true);
  CHECK(w.ask_yield(0, 77));
  CHECK_FALSE(w.ask_yield(0, 77));
  CHECK(w.ask_yield(0, 78));
  CHECK(w.counts().yield == 2);
}

TEST_CASE("a slot's next task starts from its own tier, not from what the last one was asked") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, true);
  w.set_task({20, 3}, Tier::kIsolate);
  CHECK(w.knows({20, 3}));
  CHECK_FALSE(w.knows({20, 4}));
  w.set_task({20, 4}, Tier::kIsolate);
  CHECK(w.counts().isolate == 2);  // asked anew, of another task
  w.set_task({20, 5}, Tier::kMonitor);
  CHECK(m.asked(20) == 0);
}

TEST_CASE("a class word's generation counts its changes") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, true);
  w.set_class(ClassId{2}, Tier::kYield);
  w.set_class(ClassId{2}, Tier::kMonitor);
  CHECK((m.classes[2] >> PULSED_WORD_GENERATION_SHIFT) == 2);
  CHECK((m.classes[2] & PULSED_DIRECTIVE_MASK) == 0);
}

TEST_CASE("release takes all back and ends the lease") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, true);
  w.heartbeat(1000, 500);
  CHECK(m.line.heartbeat == 1000);
  CHECK(m.line.lease_ticks == 500);
  w.set_task({20, 3}, Tier::kIsolate);
  w.ask_yield(0, 77);
  w.release();
  CHECK(m.asked(20) == 0);
  CHECK(m.workers[0].yield_start == 0);
  CHECK(m.line.lease_ticks == 0);
}

TEST_CASE("the service can see which revision of the policy is in force") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, true);
  w.set_revision(7);
  CHECK(m.line.revision == 7);
}

TEST_CASE("a task without a slot gets no word") {
  Memory m;
  DirectiveWriter w(m.regions, Memory::kDimensions, true);
  w.set_task({policy::kNoSlot, 0}, Tier::kIsolate);
  for (const std::uint32_t word : m.tasks) CHECK(word == 0);
}

}  // namespace
}  // namespace pulsed::act
