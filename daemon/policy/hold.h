// What a poll that holds its worker calls for: a report, a spare worker in its place, a lower OS
// priority for its thread.
//
// Pure, and by the poll alone: nothing is remembered here. Whether it is done (enforcement, rights,
// bounds, where the runtime allows it) is the caller's business.
#pragma once

#include "daemon/policy/policy.h"

namespace pulsed::policy {

// A poll in flight, as last looked at.
struct HeldPoll {
  Duration wall;   // since it began
  Duration cpu;    // proven so far
  Blame blame;     // what its thread does
  bool isolation;  // on a thread of the isolation pool
};

struct HoldVerdict {
  bool over_budget;
  bool
      holds;  // its worker: over its budget, or in flight for spare_after, and others wait behind it
  bool report;  // over its budget, or in flight for long_poll: worth a line in the log, with blame
  bool spare;   // another thread should serve the run loop meanwhile
  bool demote;  // its thread should run at a lower OS priority
};

// A poll that waits is never demoted, and neither is one whose thread is only kept from running: it
// is its own CPU time that counts. Behind a poll on the isolation pool nobody waits, so it calls
// for no spare worker, and its thread is lowered whatever the poll burned, and whatever demote_to
// says of workers.
[[nodiscard]] HoldVerdict judge_hold(const TierFields& fields, const HeldPoll& poll);

// How many spare workers of a run loop may be awake beside so many ordinary workers.
[[nodiscard]] std::uint32_t most_spares(const TierFields& fields, std::uint32_t workers);

// The share of a CPU that a demoted thread got since it was looked at last.
struct DemotedShare {
  Duration wall;      // time that passed
  Duration cpu;       // of it, on a CPU
  bool wants_to_run;  // burning or runnable; one that waits needs no share
};

// Should its own priority be given back for a while, as it got less than min_share?
[[nodiscard]] bool falls_short(const TierFields& fields, const DemotedShare& share);

}  // namespace pulsed::policy
