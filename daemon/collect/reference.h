// Task references from shared memory, taken apart and checked.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/policy/types.h"
#include "shared_memory/abi.h"

namespace pulsed::collect {

struct Reference {
  policy::TaskId task;  // slot kNoSlot for "no slot"
  policy::ClassId cls;
};

[[nodiscard]] constexpr std::uint32_t kind_of(std::uint64_t ref) {
  return static_cast<std::uint32_t>(ref >> PULSED_REF_KIND_SHIFT & PULSED_REF_KIND_MASK);
}

// Checks a hostile reference against what this service has. Nothing if it names what does not exist.
[[nodiscard]] inline std::optional<Reference> checked(std::uint64_t ref, std::uint32_t tasks,
                                                      std::size_t classes) {
  const auto slot = static_cast<std::uint32_t>(ref & PULSED_REF_SLOT_MASK);
  const auto generation =
      static_cast<std::uint16_t>(ref >> PULSED_REF_GENERATION_SHIFT & PULSED_REF_GENERATION_MASK);
  const auto cls =
      static_cast<std::uint16_t>(ref >> PULSED_REF_CLASS_SHIFT & PULSED_REF_CLASS_MASK);
  if (slot >= tasks || cls >= classes || (slot == 0) != (generation == 0)) return std::nullopt;
  return Reference{{slot == 0 ? policy::kNoSlot : slot, generation}, policy::ClassId{cls}};
}

}  // namespace pulsed::collect
