#include "daemon/act/demoter.h"

#include "daemon/act/priority_swap.h"
#include "daemon/act/thread_stat.h"

namespace pulsed::act {

Demoter::Demoter(DemotionLedger* ledger, Guardian* guardian)
    : ledger_(ledger),
      guardian_(guardian),
      usable_(ledger != nullptr && guardian != nullptr && guardian->alive()) {}

bool Demoter::guarded() {
  if (!usable_) return false;
  if (guardian_->alive()) return true;
  usable_ = false;
  ledger_->restore_all();
  return false;
}

std::optional<DemotionId> Demoter::demote(const clocks::PeerThread& thread, const LowerPriority& to,
                                          const std::function<void(const SchedAttr&)>& announce,
                                          const std::function<bool()>& still_wanted) {
  if (!guarded()) return std::nullopt;
  const std::optional<SchedAttr> before = read_priority(thread.tid);
  if (!before || !still_that_thread(thread)) return std::nullopt;
  const std::optional<SchedAttr> applied = lowered(*before, to);
  if (!applied) return std::nullopt;
  const auto id = ledger_->hold({thread, *before, *applied, boot_ticks_now()});
  if (!id) return std::nullopt;
  // Before the thread is touched: a daemon that is stopped right after could wake nobody.
  guardian_->wake();
  announce(*before);
  if (!still_wanted() || write_priority(thread.tid, *applied) != 0) {
    ledger_->withdraw(*id);
    return std::nullopt;
  }
  if (!still_that_thread(thread)) {
    // Its number was reused a moment ago, and by a thread that has our priority now.
    (void)write_priority(thread.tid, *before);
    ledger_->withdraw(*id);
    return std::nullopt;
  }
  if (!still_wanted()) {
    restore(*id);
    return std::nullopt;
  }
  return id;
}

bool Demoter::boost(DemotionId id) {
  const std::optional<DemotedThread> held = ledger_->find(id);
  return held && swap_priority(held->thread, held->applied, held->before) == Swap::kDone;
}

bool Demoter::lower_again(DemotionId id) {
  const std::optional<DemotedThread> held = ledger_->find(id);
  return held && guarded() &&
         swap_priority(held->thread, held->before, held->applied) == Swap::kDone;
}

void Demoter::restore(DemotionId id) {
  if (ledger_ == nullptr) return;
  ledger_->restore(id);
  guardian_->wake();
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
