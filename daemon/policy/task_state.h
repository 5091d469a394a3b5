// What the TierManager keeps for every slot, and the few words of its class that a good poll is
// judged by.
//
// 16 bytes a task, and zeroed memory means a slot never seen: a table for 2^24 tasks is touched
// only as it is used.
//
//   identity:   generation [0, 16)  class [16, 28)  live 28  remembered 29  seen 30
#pragma once

#include <cstdint>

#include "daemon/policy/types.h"

namespace pulsed::policy {

struct TaskState {
  static constexpr std::uint32_t kLive = 1U << 28;        // opened and not closed
  static constexpr std::uint32_t kRemembered = 1U << 29;  // `offender` holds
  static constexpr std::uint32_t kSeen = 1U << 30;        // the generation holds

  std::uint32_t identity;
  std::uint32_t active_stamp;  // the class's stamp at the task's last poll
  std::uint32_t offender;      // index of its Offender
  Tier tier;

  // Of a live task in good standing: at Monitor, with nothing to remember.
  [[nodiscard]] static constexpr std::uint32_t good(std::uint16_t generation, ClassId cls) {
    return generation | static_cast<std::uint32_t>(cls) << 16 | kLive | kSeen;
  }
  [[nodiscard]] std::uint16_t generation() const { return static_cast<std::uint16_t>(identity); }
  [[nodiscard]] ClassId cls() const { return ClassId(identity >> 16 & 0xFFF); }
  [[nodiscard]] bool live() const { return identity & kLive; }
  [[nodiscard]] bool remembered() const { return identity & kRemembered; }
  [[nodiscard]] bool seen() const { return identity & kSeen; }
};
static_assert(sizeof(TaskState) == 16);

// Zeroed: no poll passes as good, so the first one sets the class up.
struct ClassClock {
  Time bucket_end;       // when the next sub-bucket of the class's window begins
  Duration quiet_limit;  // no poll up to this CPU time counts for anything
  std::uint32_t stamp;   // number of the running sub-bucket; never 0 once set up
};

}  // namespace pulsed::policy
