#include "daemon/policy/hold.h"

namespace pulsed::policy {

HoldVerdict judge_hold(const TierFields& fields, const HeldPoll& poll) {
  const bool waits = poll.blame == Blame::kBlocked;
  HoldVerdict verdict{};
  verdict.over_budget = poll.cpu > fields.poll_budget;
  verdict.report = verdict.over_budget || poll.wall >= fields.long_poll;
  verdict.spare = !poll.isolation && poll.wall >= fields.spare_after;
  verdict.holds = verdict.spare || (!poll.isolation && verdict.over_budget);
  verdict.demote =
      poll.isolation || (fields.demote_to.kind != OsPriority::Kind::kUnchanged &&
                         verdict.over_budget && poll.cpu >= fields.demote_after && !waits);
  return verdict;
}

std::uint32_t most_spares(const TierFields& fields, std::uint32_t workers) {
  return fields.max_spare_workers == kAsManyAsWorkers ? workers : fields.max_spare_workers;
}

bool falls_short(const TierFields& fields, const DemotedShare& share) {
  if (!share.wants_to_run || share.wall <= Duration{}) return false;
  return static_cast<double>(share.cpu.count()) <
         fields.min_share * static_cast<double>(share.wall.count());
}

}  // namespace pulsed::policy
