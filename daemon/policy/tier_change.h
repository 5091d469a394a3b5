// One step of a task or a class from tier to tier, and why.
#pragma once

#include "daemon/policy/types.h"

namespace pulsed::policy {

enum class Reason : std::uint8_t {
  kViolations,  // promotion_threshold
  kExcessCpu,   // promotion_cpu
  kSlowPolls,   // promotion_slow_polls
  kEmergency,   // emergency_poll
  kGoodPolls,   // demotion
  kClassShare,  // a class moved (either way)
  kPolicy,      // max_tier fell
  kPin,         // an operator pinned the class
};
inline constexpr std::array<std::string_view, 8> kReasonNames{
    "violations", "excess_cpu",  "slow_polls", "emergency",
    "good_polls", "class_share", "policy",     "pin"};

[[nodiscard]] constexpr std::string_view name(Reason r) {
  return kReasonNames[static_cast<std::size_t>(r)];
}

struct TierChange {
  Time when;
  TaskId task;  // slot kNoSlot: the class itself moved
  ClassId cls;
  Tier from;
  Tier to;
  Reason reason;
  Duration poll_cpu;  // CPU time of the poll that tipped it; zero for classes and policy changes
};

}  // namespace pulsed::policy
