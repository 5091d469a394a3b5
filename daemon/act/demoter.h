// Lowers and restores the OS priority of threads that hogs hold, so that it is always undone.
//
// The control loop's thread alone.
#pragma once

#include <functional>
#include <optional>

#include "daemon/act/demotion_ledger.h"
#include "daemon/act/guardian.h"

namespace pulsed::act {

class Demoter {
 public:
  // `guardian` null: there is none, and nothing is ever demoted. Who makes one has asked may_set_priorities().
  Demoter(DemotionLedger* ledger, Guardian* guardian);

  // A guardian is there. Once it was found dead, all that was demoted is put back and nothing is demoted any more.
  [[nodiscard]] bool usable() const { return usable_; }

  // Lowers the thread. `announce` is told its own priority once the entry is written; `still_wanted` is asked after that, and
  // again when the thread is lowered: if it says no, all is as before. Nothing if refused: not usable, ledger full, already as low, real-time, or no longer that thread. Some 20 us.
  [[nodiscard]] std::optional<DemotionId> demote(
      const clocks::PeerThread& thread, const LowerPriority& to,
      const std::function<void(const SchedAttr&)>& announce,
      const std::function<bool()>& still_wanted);
  // Gives the thread its own priority for a while, and takes it again. False if it is no longer ours.
  bool boost(DemotionId id);
  bool lower_again(DemotionId id);
  void restore(DemotionId id);

  // While anything is demoted, at every tick. CLOCK_MONOTONIC.
  void beat(std::uint64_t monotonic_ns);

  // Threads put back by the guardian, as this daemon stood still.
  [[nodiscard]] std::uint64_t undone_by_guardian() const;

 private:
  [[nodiscard]] bool guarded();

  DemotionLedger* ledger_;
  Guardian* guardian_;
  bool usable_;
  std::uint64_t asked_ns_ = 0;  // when beat() last asked whether the guardian lives
};

}  // namespace pulsed::act
