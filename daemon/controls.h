// What an operator may ask of the control loop at once, beside the policy. Thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "daemon/policy/types.h"

namespace pulsed {

// Names one class of all processes of that service name.
struct ClassName {
  std::string service;
  std::string task_class;  // "": the unnamed class
  friend auto operator<=>(const ClassName&, const ClassName&) = default;
};

class Controls {
 public:
  static constexpr std::size_t kMostPins = 1000;

  virtual ~Controls() = default;
  // Holds all tasks of the class at the tier within a few ticks, also those of processes that come later; until it is
  // unpinned, or `ttl` has passed, or the daemon ends. A class under observe is moved nowhere meanwhile. False: kMostPins
  // others are pinned.
  [[nodiscard]] virtual bool pin(const ClassName& cls, policy::Tier tier,
                                 std::optional<std::chrono::seconds> ttl) = 0;
  // False: it is not pinned.
  [[nodiscard]] virtual bool unpin(const ClassName& cls) = 0;
};

}  // namespace pulsed
