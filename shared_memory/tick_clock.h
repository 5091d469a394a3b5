// The clock that timestamps polls: the invariant TSC where there is one, CLOCK_MONOTONIC otherwise.
//
// Shim and daemon must agree on the kind, so both ask here; only the daemon needs the frequency, and publishes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "shared_memory/abi.h"

namespace pulsed::shm {

// PULSED_CLOCK_TSC if the CPU's counter is invariant and the kernel itself keeps time by it; environment
// PULSED_CLOCK=monotonic forces the portable clock. `why` (may be null) says what decided.
[[nodiscard]] pulsed_clock_kind clock_kind(std::string* why = nullptr);

class TickClock {
 public:
  // Calibrates the TSC against CLOCK_MONOTONIC for about `over` (longer is more exact: error about 100 ns / over).
  explicit TickClock(pulsed_clock_kind kind = clock_kind(),
                     std::chrono::milliseconds over = std::chrono::milliseconds{50});

  [[nodiscard]] pulsed_clock_kind kind() const { return kind_; }
  [[nodiscard]] std::uint64_t ticks_per_second() const { return ticks_per_second_; }
  [[nodiscard]] std::uint64_t now() const;  // ticks

  [[nodiscard]] std::uint64_t to_ns(std::uint64_t ticks) const {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(ticks) * ns_per_tick_) >> 32);
  }
  [[nodiscard]] std::uint64_t to_ticks(std::chrono::nanoseconds d) const {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(d.count()) *
                                      ticks_per_second_ / 1'000'000'000U);
  }

 private:
  pulsed_clock_kind kind_;
  std::uint64_t ticks_per_second_;
  std::uint64_t ns_per_tick_;  // 32.32 fixed point
};

}  // namespace pulsed::shm
