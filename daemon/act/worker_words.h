// The worker words of one service's segment D, but for yields: whose thread is demoted, which spare workers run, and what
// this daemon is able to do. Waits on them are futexes on the service's read-only mapping, woken here.
//
// The control loop's thread alone.
#pragma once

#include <cstdint>

#include "daemon/act/thread_priority.h"
#include "shared_memory/layout.h"

namespace pulsed::act {

class WorkerWords {
 public:
  WorkerWords(const shm::DaemonRegions& d, const shm::Dimensions& dimensions);

  void set_abilities(std::uint64_t abilities);  // PULSED_DAEMON_* bits
  [[nodiscard]] std::uint64_t abilities() const { return d_.daemon->abilities; }

  // Announces that the poll's thread is about to be lowered from `own`: its worker waits at the poll's end. What is read afterwards is
  // read after the worker could see this. See abi.h.
  void announce_demotion(std::uint32_t worker, std::uint64_t start, const SchedAttr& own);
  // Its priority is back, or was never taken.
  void end_demotion(std::uint32_t worker);

  void run_spare(std::uint32_t worker);
  void park_spare(std::uint32_t worker);
  [[nodiscard]] bool spare_runs(std::uint32_t worker) const;

  // Nobody waits, no spare worker runs.
  void release();

 private:
  void set_spare(std::uint32_t worker, std::uint32_t value);

  shm::DaemonRegions d_;
  std::uint32_t workers_;
};

}  // namespace pulsed::act
