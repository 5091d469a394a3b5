// The daemon's side of a sample, to be counted: from the ring through the collector and its accounting into the policy.
#pragma once

#include <cstdint>

#include "tests/support/attached_by_hand.h"

namespace pulsed::bench {

class FilledRing {
 public:
  FilledRing();
  // That many good polls of kTasks tasks by turns, CPU time known. At most the ring's size.
  void fill(std::uint32_t samples);
  // One tick of the daemon's loop over them.
  void drain_and_decide();
  // Throws std::logic_error unless every sample was taken for what it is.
  void check();
  // What compiled the collector and the policy.
  [[nodiscard]] static const char* compiler();

 private:
  static constexpr std::uint32_t kRing = 4096;
  static constexpr std::uint32_t kTasks = 50;
  static constexpr std::uint16_t kClasses = 5;

  test::AttachedByHand hand_{true, {1, kRing, kTasks + 16, kClasses + 1}};
  std::uint32_t next_ = 0;
  std::uint64_t filled_ = 0;
  std::uint64_t drained_ = 0;
};

}  // namespace pulsed::bench
