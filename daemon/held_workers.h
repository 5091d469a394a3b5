// Answers polls that hold their workers, while they run: reports them, lowers the thread of one that burns, and puts it
// back. Which spare workers run meanwhile is the SpareKeeper's (spare_keeper.h).
//
// Whether a poll calls for it is policy::judge_hold's; whether it is done is decided here: the enforcement of its class,
// rights, whether the shim waits for its thread to be restored. What is not done as its class is in shadow is counted. The control loop's thread alone, each service after it was collected.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "daemon/act/demoter.h"
#include "daemon/collect/collector.h"
#include "daemon/collect/service.h"
#include "daemon/policy/hold.h"
#include "daemon/reported_polls.h"
#include "daemon/reporter.h"
#include "daemon/spare_keeper.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

class HeldWorkers {
 public:
  HeldWorkers(act::Demoter& demoter, const shm::TickClock& clock, Reporter& reporter)
      : demoter_(demoter), clock_(clock), reporter_(reporter), reported_(clock, reporter) {}

  void answer(collect::Service& service, policy::Time now);
  // Undoes everything: at detach, in quarantine, and where the policy enforces no more.
  void release(collect::Service& service, policy::Time now);
  // Puts back the threads that were lowered: all, or those for polls of a class whose policy is another now.
  void restore_threads(collect::Service& service, policy::Time now);
  void restore_threads(collect::Service& service, policy::ClassId cls, policy::Time now);

  [[nodiscard]] bool can_demote() const { return demoter_.usable(); }

  [[nodiscard]] std::size_t demoted() const { return demoted_; }  // threads, now

 private:
  void answer_poll(collect::Service& service, std::uint32_t index, policy::Time now);
  void count_demotion(collect::Service& service, std::uint32_t index) const;
  void demote(collect::Service& service, std::uint32_t index, const policy::TierFields& fields,
              policy::Time now);
  void keep_share(collect::Service& service, std::uint32_t index, const policy::TierFields& fields);
  void end_demotions(collect::Service& service, policy::Time now);  // of polls that have ended
  void forget(collect::Service& service, std::uint32_t index);      // its demotion
  void lower_again(collect::Service& service, std::uint32_t index);
  // False if the system refused: to be tried again.
  bool undo(collect::Service& service, std::uint32_t index, policy::Time now);

  act::Demoter& demoter_;
  const shm::TickClock& clock_;
  Reporter& reporter_;
  ReportedPolls reported_;
  SpareKeeper spares_;
  std::size_t demoted_ = 0;
  std::unordered_map<uid_t, std::size_t> demoted_of_;  // the same, by user
};

}  // namespace pulsed
