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

  // Lowers the thread. `announce` is told its own priority once the entry is written; `still_wanted` is asked after that,
  // and again when the thread is lowered: if it says no, all is as before. Nothing if refused: not usable, ledger full,
  // already as low, real-time, or no longer that thread. Should it be unwanted or not certainly that thread, and could not
  // be put back, it is an id as well: to be restored. Some 30 us.
  [[nodiscard]] std::optional<DemotionId> demote(
      const clocks::PeerThread& thread, const LowerPriority& to,
      const std::function<void(const SchedAttr&)>& announce,
      const std::function<bool()>& still_wanted);
  // Gives the thread its own priority for a while. False if it has not got it: it is no longer ours, or see restore().
  bool boost(DemotionId id);
  // Lowers it again, and asks `still_wanted` before and after as demote() does. True if it is lowered now: be it that it
  // is not wanted any more and could not be put back.
  bool lower_again(DemotionId id, const std::function<bool()>& still_wanted);
  // True if the thread is back, or no longer ours. False if it could not be put back: it stays lowered and in the ledger,
  // and `id` is good for another try.
  [[nodiscard]] bool restore(DemotionId id);
  // Of a thread that restore() could not put back and that nobody will ask for again: leaves it to the guardian.
  void leave(DemotionId id);

  // While anything is demoted, at every tick. CLOCK_MONOTONIC.
  void beat(std::uint64_t monotonic_ns);

  // Threads put back by the guardian, as this daemon stood still.
  [[nodiscard]] std::uint64_t undone_by_guardian() const;

 private:
  [[nodiscard]] bool guarded();
  // After it was lowered.
  [[nodiscard]] static bool right_to_lower(const DemotedThread& demoted,
                                           const std::function<bool()>& still_wanted);

  DemotionLedger* ledger_;
  Guardian* guardian_;
  bool usable_;
  std::uint64_t asked_ns_ = 0;  // when beat() last asked whether the guardian lives
};

}  // namespace pulsed::act
