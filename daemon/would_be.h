// What would have been done to polls of a class in shadow: what a switch to enforce would change.
#pragma once

#include <cstdint>

namespace pulsed {

struct WouldBe {
  std::uint64_t yields = 0;          // polls that would have been asked to yield
  std::uint64_t isolated_polls = 0;  // polls that would have run on the isolation pool
  std::uint64_t demotions = 0;       // polls whose thread would have been demoted
  std::uint64_t spare_wakes = 0;     // of spare workers, in the place of polls
  std::uint64_t cpu_ns = 0;          // of all these polls, each counted once

  WouldBe& operator+=(const WouldBe& other) {
    yields += other.yields;
    isolated_polls += other.isolated_polls;
    demotions += other.demotions;
    spare_wakes += other.spare_wakes;
    cpu_ns += other.cpu_ns;
    return *this;
  }
  friend bool operator==(const WouldBe&, const WouldBe&) = default;
};

}  // namespace pulsed
