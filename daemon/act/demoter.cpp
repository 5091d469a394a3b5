#include "daemon/act/demoter.h"

#include "daemon/act/priority_swap.h"
#include "daemon/clocks/thread_stat.h"

namespace pulsed::act {

Demoter::Demoter(DemotionLedger* ledger, Guardian* guardian)
    : ledger_(ledger),
      guardian_(guardian),
      usable_(ledger != nullptr && guardian != nullptr && guardian->alive()) {}

bool Demoter::guarded() {
  if (!usable_) return false;
  if (guardian_->alive()) return true;
  usable_ = false;
  // What cannot be put back now stays held, and its id is good for restore().
  (void)ledger_->restore_all();
  return false;
}

std::optional<DemotionId> Demoter::demote(const clocks::PeerThread& thread, const LowerPriority& to,
                                          const std::function<void(const SchedAttr&)>& announce,
                                          const std::function<bool()>& still_wanted) {
  if (!guarded()) return std::nullopt;
  const std::optional<SchedAttr> before = read_priority(thread.tid);
  if (!before || identify(thread) != Identity::kSame) return std::nullopt;
  const std::optional<SchedAttr> applied = lowered(*before, to);
  if (!applied) return std::nullopt;
  const DemotedThread demoted{thread, *before, *applied, clocks::boot_ticks_now()};
  const auto id = ledger_->hold(demoted);
  if (!id) return std::nullopt;
  // Before the thread is touched: a daemon that is stopped right after could wake nobody.
  guardian_->wake();
  announce(*before);
  if (!still_wanted() || swap_priority(thread, *before, *applied) != Swap::kDone) {
    ledger_->withdraw(*id);
    return std::nullopt;
  }
  if (!right_to_lower(demoted, still_wanted) && restore(*id)) return std::nullopt;
  return id;
}

bool Demoter::right_to_lower(const DemotedThread& demoted,
                             const std::function<bool()>& still_wanted) {
  const Identity identity = identify(demoted.thread);
  if (identity == Identity::kGone) {
    give_back_to_stranger(demoted.thread.tid, demoted.applied, demoted.before);
  }
  return identity == Identity::kSame && still_wanted();
}

bool Demoter::boost(DemotionId id) {
  const std::optional<DemotedThread> held = ledger_->find(id);
  return held && swap_priority(held->thread, held->applied, held->before) == Swap::kDone;
}

bool Demoter::lower_again(DemotionId id, const std::function<bool()>& still_wanted) {
  const std::optional<DemotedThread> held = ledger_->find(id);
  if (!held || !guarded() || !still_wanted()) return false;
  // The guardian of a daemon that stood still would put it back at once.
  ledger_->beat();
  if (swap_priority(held->thread, held->before, held->applied) != Swap::kDone) return false;
  return right_to_lower(*held, still_wanted) ||
         swap_priority(held->thread, held->applied, held->before) == Swap::kFailed;
}

bool Demoter::restore(DemotionId id) {
  if (ledger_ == nullptr) return true;
  const bool restored = ledger_->restore(id);
  if (guardian_ != nullptr) guardian_->wake();
  return restored;
}

void Demoter::leave(DemotionId id) {
  if (ledger_ != nullptr) ledger_->leave(id);
}

void Demoter::beat(std::uint64_t monotonic_ns) {
  constexpr std::uint64_t kAskEveryNs = 20'000'000;
  if (!usable_) return;
  ledger_->beat(monotonic_ns);
  if (monotonic_ns - asked_ns_ < kAskEveryNs) return;
  asked_ns_ = monotonic_ns;
  (void)guarded();
}

std::uint64_t Demoter::undone_by_guardian() const {
  return ledger_ != nullptr ? ledger_->undone_by_guardian() : 0;
}

}  // namespace pulsed::act
