// Writes what the policy decided into one service's segment D: task words, class words, yields.
//
// Every task the daemon knows has a word of its own that says its tier; directive bits are in it only under enforce. So a
// switch of enforcement is one pass over the words, and a task never inherits from its class what was not meant for it.
// The control loop's thread alone. All writes are relaxed: each word stands for itself.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/policy/tier_manager.h"
#include "shared_memory/layout.h"

namespace pulsed::act {

struct DirectiveCounts {
  std::uint64_t measure = 0;
  std::uint64_t yield = 0;  // polls asked to yield
  std::uint64_t isolate = 0;
};

class DirectiveWriter {
 public:
  DirectiveWriter(const shm::DaemonRegions& d, const shm::Dimensions& dimensions, bool enforce);

  // The daemon is alive; a service obeys for `lease` after the last of these.
  void heartbeat(std::uint64_t now_ticks, std::uint64_t lease_ticks);

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
  // Gives a task its word; also after every change of its tier.
  void set_task(policy::TaskId task, policy::Tier tier);
  void set_class(policy::ClassId cls, policy::Tier tier);

  // Asks the poll that began at `start` on this worker to yield; once a poll. False if it was asked already.
  bool ask_yield(std::uint32_t worker, std::uint64_t start);
  void withdraw_yield(std::uint32_t worker);

  // Adds or takes away directive bits everywhere. Costs a pass over the tasks known so far.
  void set_enforce(bool enforce);
  // Takes everything back, for a clean shutdown or a quarantine: nothing asked, and no lease.
  void release();

  [[nodiscard]] const DirectiveCounts& counts() const { return counts_; }

 private:
  [[nodiscard]] std::uint32_t bits(policy::Tier tier) const;
  void store(std::uint32_t& word, std::uint32_t value);
  void count(std::uint32_t before, std::uint32_t after);

  shm::DaemonRegions d_;
  shm::Dimensions dimensions_;
  std::uint32_t* words_;  // d_.tasks
  std::uint32_t slots_high_ = 0;
  bool enforce_;
  DirectiveCounts counts_;
};

}  // namespace pulsed::act
