// Task references, as samples and worker lines carry them (abi.h has the bits).
#pragma once

#include <cstdint>

#include "shared_memory/abi.h"

namespace pulsed::shm {

// Do two references name one task? Without a slot only the class tells.
[[nodiscard]] constexpr bool same_task(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kTask = PULSED_REF_SLOT_MASK | PULSED_REF_GENERATION_MASK
                                                             << PULSED_REF_GENERATION_SHIFT;
  constexpr std::uint64_t kClass = PULSED_REF_CLASS_MASK << PULSED_REF_CLASS_SHIFT;
  const std::uint64_t mask = (a & PULSED_REF_SLOT_MASK) == 0 ? kTask | kClass : kTask;
  return ((a ^ b) & mask) == 0;
}

}  // namespace pulsed::shm
