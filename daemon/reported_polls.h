// Follows polls that were reported as holding their worker until they have ended, so that their end can be reported, too.
//
// The control loop's thread alone, each service after it was collected. Costs what there is to follow.
#pragma once

#include <cstdint>

#include "daemon/collect/service.h"
#include "daemon/reporter.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

class ReportedPolls {
 public:
  ReportedPolls(const shm::TickClock& clock, Reporter& reporter)
      : clock_(clock), reporter_(reporter) {}

  // The poll that the worker has in flight was reported.
  void add(collect::Service& service, std::uint32_t worker) const;
  // Reports those that have ended since. How long one took its sample says; where that was dropped, or is of a thread that is
  // gone, the moment bounds it at which it was seen to be gone.
  void follow(collect::Service& service) const;
  // They are looked at no more: each has ended as far as anybody knows.
  void release(collect::Service& service) const;

 private:
  void report(const collect::Service& service, const collect::ReportedPoll& poll) const;

  const shm::TickClock& clock_;
  Reporter& reporter_;
};

}  // namespace pulsed
