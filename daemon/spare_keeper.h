// Decides which spare workers of a service run: one for each worker of their run loop that is held, within the policy's
// bound, and for a moment longer, as behind one long poll often comes another. For classes in shadow it counts, by the same
// rules, how often some would be woken.
//
// The control loop's thread alone.
#pragma once

#include <array>
#include <cstdint>

#include "daemon/collect/service.h"
#include "daemon/policy/types.h"

namespace pulsed {

class SpareKeeper {
 public:
  // Run loops of one service that spare workers are kept for; a service with more of them has none for the rest.
  static constexpr std::size_t kMostRunLoops = 64;
  // Waking is a system call, and which lines are spare workers is the service's word: no more of them in a tick.
  static constexpr std::uint32_t kMostChangesATick = 32;
  // How long a spare worker stays after it was last needed. With a tick and a turn it is back within 10 ms.
  static constexpr policy::Duration kLinger = std::chrono::milliseconds{5};

  void keep(collect::Service& service, policy::Time now);

 private:
  // Of a run loop, in this tick.
  struct Tally {
    std::uint32_t running = 0;  // spare workers, awake
    std::uint32_t parked = 0;
    std::uint32_t wanted = 0;
    std::uint32_t wanted_in_shadow = 0;
  };

  // Which run loops there are and who serves them, after lines changed.
  void find_run_loops(collect::Service& service, policy::Time now) const;
  void count_spares(const collect::Service& service);
  void count_held(collect::Service& service);
  void count_in_shadow(collect::Service& service, policy::Time now);
  void wake(collect::Service& service, std::uint32_t run_loop, std::uint32_t missing);
  void park(collect::Service& service, std::uint32_t run_loop, std::uint32_t surplus);
  void park_strays(collect::Service& service);

  std::array<Tally, kMostRunLoops> tallies_{};  // by run loop of the service at hand
  std::uint32_t changes_left_ = 0;
};

}  // namespace pulsed
