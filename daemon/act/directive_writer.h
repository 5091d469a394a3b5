// Writes what the policy decided into one service's segment D: task words, class words, yields.
//
// Every task the daemon knows has a word of its own that says its tier; directive bits are in it only where its class is
// enforced. So a class that is treated otherwise from now on takes one pass over the words of tasks above Monitor, and a task
// never inherits from its class what was not meant for it. The control loop's thread alone. All writes are relaxed: each word
// stands for itself.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/act/round.h"
#include "daemon/policy/tier_manager.h"
#include "shared_memory/layout.h"

namespace pulsed::act {

struct DirectiveCounts {
  std::uint64_t measure = 0;
  std::uint64_t yield = 0;  // polls asked to yield
  std::uint64_t isolate = 0;
};

// What a class's words may ask.
struct ClassMode {
  bool enforce = false;
  bool migrate = true;                             // its tasks may go to the isolation pool
  std::uint16_t weight = policy::kOrdinaryWeight;  // [1, 1000]
  friend bool operator==(const ClassMode&, const ClassMode&) = default;
};
[[nodiscard]] ClassMode mode_of(const policy::ClassPolicy& policy);

class DirectiveWriter {
 public:
  // Until a class has a mode of its own it has `mode`.
  DirectiveWriter(const shm::DaemonRegions& d, const shm::Dimensions& dimensions,
                  const ClassMode& mode = {});

  // The daemon is alive; a service obeys for `lease` after the last of these.
  void heartbeat(std::uint64_t now_ticks, std::uint64_t lease_ticks);
  // The service obeys nothing, heartbeats or not, until resume(): for while words may ask what must not be done any more.
  void suspend();
  void resume() { suspended_ = false; }

  // Of the policy in force, for the service's own information.
  void set_revision(std::uint64_t revision);

  // Is this the task the slot's word is about? Cheap, for every sample.
  [[nodiscard]] bool knows(policy::TaskId task) const {
    return words_[task.slot] >> PULSED_WORD_GENERATION_SHIFT == task.generation;
  }
  // Slots [1, slots_high) may have a word; the generation a slot's word is about, 0 for none.
  [[nodiscard]] std::uint32_t slots_high() const { return slots_high_; }
  [[nodiscard]] std::uint16_t generation(std::uint32_t slot) const {
    return static_cast<std::uint16_t>(words_[slot] >> PULSED_WORD_GENERATION_SHIFT);
  }
  // Gives a task its word; also after every change of its tier or its class.
  void set_task(policy::TaskId task, policy::ClassId cls, policy::Tier tier);
  void set_class(policy::ClassId cls, policy::Tier tier);

  // From now on. The class's own word follows at once, those of its tasks by rewrite().
  void set_mode(policy::ClassId cls, const ClassMode& mode);
  [[nodiscard]] const ClassMode& mode(policy::ClassId cls) const { return modes_[index(cls)]; }
  // Goes on with the words of tasks whose class's mode changed, until `units` are used up: a word written takes one, and so does a
  // look at kWordsAUnit of them. Who is dead is asked nothing. True: all words follow their classes.
  bool rewrite(const policy::TierManager& tiers, std::uint32_t& units);
  static constexpr std::uint32_t kWordsAUnit = 8;

  // Asks the poll of that class that began at `start` on this worker to yield; once a poll. False if its class is not enforced, or
  // if it was asked already.
  bool ask_yield(std::uint32_t worker, std::uint64_t start, policy::ClassId cls);
  void withdraw_yield(std::uint32_t worker);

  // Takes everything back, for a clean shutdown or a quarantine: nothing asked, and no lease. For good.
  void release();

  [[nodiscard]] const DirectiveCounts& counts() const { return counts_; }

 private:
  void store_lease(std::uint64_t now_ticks, std::uint64_t lease_ticks);
  void withdraw_yields();
  [[nodiscard]] static std::uint32_t bits(const ClassMode& mode, policy::Tier tier);
  void write_again(std::uint32_t slot, const ClassMode& mode);
  void write_class(policy::ClassId cls, std::uint32_t generation, policy::Tier tier);
  void store(std::uint32_t& word, std::uint32_t value);
  void count(std::uint32_t before, std::uint32_t after);

  shm::DaemonRegions d_;
  shm::Dimensions dimensions_;
  std::uint32_t* words_;          // d_.tasks
  std::vector<ClassMode> modes_;  // by class
  std::uint32_t slots_high_ = 0;
  Round rewriting_;  // of slots
  bool suspended_ = false;
  DirectiveCounts counts_;
};

}  // namespace pulsed::act
