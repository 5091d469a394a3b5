// Decides which spare workers of a service run: one for each worker of their run loop that is held, within the policy's
// bound, and for a moment longer, as behind one long poll often comes another.
//
// The control loop's thread alone.
#pragma once

#include <array>
#include <cstdint>
#include <span>

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
  struct Tally {
    std::uint32_t run_loop;
    std::uint32_t workers;  // ordinary ones
    std::uint32_t running;  // spare workers, awake
    std::uint32_t parked;
    std::uint32_t wanted;
  };

  void count(const collect::Service& service);
  void count_held(collect::Service& service);
  [[nodiscard]] Tally* find(std::uint32_t run_loop);
  void wake(collect::Service& service, const Tally& tally);
  void park(collect::Service& service, const Tally& tally);
  [[nodiscard]] collect::RunLoop& memory_of(collect::Service& service, std::uint32_t run_loop,
                                            policy::Time now);

  std::array<Tally, kMostRunLoops> tallies_{};  // of the service at hand
  std::size_t loops_ = 0;
  std::uint32_t changes_left_ = 0;
};

}  // namespace pulsed
