// The process that undoes demotions when the daemon cannot: killed, with its whole process group too, or stopped.
//
// A child in a session of its own that ignores the signals which end services, SIGTERM above all, until nothing is demoted
// any more; then it ends with its daemon. At rest it sleeps; while threads are demoted it wakes when the latest beat of the
// daemon that it knows of would be stale. It also looks for threads and processes that a demoted thread spawned (see offspring.h).
//
//   DemotionLedger ledger(run_dir + "/demotions");
//   (void)ledger.restore_all();
//   Guardian guardian(ledger);  // before there are threads
#pragma once

#include <chrono>

#include "daemon/act/demotion_ledger.h"
#include "shared_memory/segment.h"

namespace pulsed::act {

class Guardian {
 public:
  // A daemon that did not beat for this long is stopped or stuck: then everything is put back.
  static constexpr std::chrono::milliseconds kStale{60};

  // Forks; while the process has no other thread. Returns once the guardian has let go of the daemon's descriptors. Throws
  // std::runtime_error if that fails.
  explicit Guardian(DemotionLedger& ledger);
  ~Guardian();  // tells it to put back what is left and to end, and waits for that, at most a second
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  // Without it nothing may be demoted. A system call: ask where something is about to be.
  [[nodiscard]] bool alive() const;
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Something is demoted, or spawned meanwhile: wakes it from its rest. Cheap where it is awake.
  void wake();

 private:
  DemotionLedger& ledger_;
  pid_t pid_ = -1;
  shm::Fd life_;  // its end is the end of the daemon
};

}  // namespace pulsed::act
