// Says in the log what the policy did, with what an operator needs to find the code: class, worker, duration, blame.
#pragma once

#include "daemon/collect/service.h"
#include "daemon/policy/tier_manager.h"

namespace pulsed {

// One line a tier change of a task or of a class, at most reports_per_minute a class. What is withheld is counted by the
// TierManager.
void report(collect::Service& service, const policy::TierChange& change,
            policy::Enforcement enforcement, policy::Time now);

// One line for a poll that holds its worker, within the same bound.
void report_held(collect::Service& service, std::uint32_t worker, policy::Blame blame,
                 policy::Time now);

}  // namespace pulsed
