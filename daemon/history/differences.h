// Works out moments: what the counters of two snapshots differ by, and what stands now. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/history/moment.h"

namespace pulsed::history {

// All that is seen at one time.
struct Look {
  WallTime at;
  bool ready = false;
  std::chrono::milliseconds since_tick{};
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const Details> details;
  std::vector<Event> events;      // since the look before
  std::uint64_t events_lost = 0;  // that were no longer kept
};

// Before the first look nothing had been counted.
class Differences {
 public:
  // A counter that fell began anew, so all of it is new: a class whose series had disappeared is there again.
  [[nodiscard]] Moment next(Look look);

 private:
  std::shared_ptr<const Snapshot> before_ = std::make_shared<const Snapshot>();
};

}  // namespace pulsed::history
