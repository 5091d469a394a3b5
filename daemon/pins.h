// Which classes an operator holds at a tier, and until when.
//
// Any thread pins; the control loop takes what changed, and waits for nobody.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "daemon/controls.h"
#include "daemon/policy/types.h"

namespace pulsed {

class Pins {
 public:
  struct Change {
    ClassName cls;
    std::optional<policy::Tier> tier;  // none: held no more
  };

  Pins();

  // False: Controls::kMostPins others are pinned, or as many changes wait for the loop. Without `until` it stands for good.
  [[nodiscard]] bool pin(const ClassName& cls, policy::Tier tier, std::optional<policy::Time> until,
                         policy::Time now);
  // False: it is not pinned.
  [[nodiscard]] bool unpin(const ClassName& cls, policy::Time now);

  // The loop: what changed since the last call, the end of pins whose time has passed included; no more than kMostATake, and
  // the rest at the next calls. If someone pins at this very moment it is empty.
  static constexpr std::size_t kMostATake = 64;
  [[nodiscard]] std::vector<Change> take_changes(policy::Time now);

 private:
  struct Pin {
    policy::Tier tier;
    std::optional<policy::Time> until;
  };

  void end_those_due(policy::Time now);
  void note_next_look();

  std::mutex mutex_;
  std::map<ClassName, Pin> pins_;
  std::map<ClassName, std::optional<policy::Tier>> changed_;  // the latest of each
  std::atomic<std::int64_t> next_look_ns_;                    // before it there is nothing to take
};

}  // namespace pulsed
