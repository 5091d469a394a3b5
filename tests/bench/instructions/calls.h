// The inline calls whose instructions are counted: of each a loop of it, and the same loop without it. What both loops
// share cancels, and so does what a loop does once, as two lengths of it are counted.
#pragma once

#include <pulsed/shim.h>

#include <cstdint>
#include <optional>
#include <span>

namespace pulsed::bench {

struct CountedCall {
  const char* name;
  bool attached;               // made by an attached worker, else by a thread that is none
  std::optional<int> at_most;  // what the design allows
  void (*with)(std::uint64_t n, pulsed_task task);
  void (*without)(std::uint64_t n, pulsed_task task);
};

// What one unit makes of the calls, and what compiled it: "g++-12 -O2".
struct CountedUnit {
  const char* compiler;
  std::span<const CountedCall> calls;
};

// The same two sources by the compiler of the build, and by the other one of GCC and Clang where the machine has it.
[[nodiscard]] CountedUnit calls_by_own_compiler();
[[nodiscard]] CountedUnit disabled_by_own_compiler();
[[nodiscard]] CountedUnit calls_by_other_compiler();
[[nodiscard]] CountedUnit disabled_by_other_compiler();

}  // namespace pulsed::bench
