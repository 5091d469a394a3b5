#include "daemon/pins.h"

#include <algorithm>
#include <limits>

namespace pulsed {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kAtOnce = std::numeric_limits<std::int64_t>::min();

}  // namespace

Pins::Pins() : next_look_ns_(kNever) {}

bool Pins::pin(const ClassName& cls, policy::Tier tier, std::optional<policy::Time> until,
               policy::Time now) {
  const std::lock_guard lock(mutex_);
  end_those_due(now);
  if (!pins_.contains(cls) && pins_.size() >= Controls::kMostPins) return false;
  if (!changed_.contains(cls) && changed_.size() >= Controls::kMostPins) return false;
  pins_.insert_or_assign(cls, Pin{tier, until});
  changed_.insert_or_assign(cls, tier);
  note_next_look();
  return true;
}

bool Pins::unpin(const ClassName& cls, policy::Time now) {
  const std::lock_guard lock(mutex_);
  end_those_due(now);
  if (pins_.erase(cls) == 0) return false;
  changed_.insert_or_assign(cls, std::nullopt);
  note_next_look();
  return true;
}

std::vector<Pins::Change> Pins::take_changes(policy::Time now) {
  // acquire: pairs with note_next_look(), so that the lock finds what was noted.
  if (now.count() < next_look_ns_.load(std::memory_order_acquire)) return {};
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return {};
  end_those_due(now);
  std::vector<Change> changes;
  while (!changed_.empty() && changes.size() < kMostATake) {
    const auto first = changed_.begin();
    changes.push_back({first->first, first->second});
    changed_.erase(first);
  }
  note_next_look();
  return changes;
}

void Pins::end_those_due(policy::Time now) {
  std::erase_if(pins_, [&](const auto& entry) {
    const bool due = entry.second.until && *entry.second.until <= now;
    if (due) changed_.insert_or_assign(entry.first, std::nullopt);
    return due;
  });
}

void Pins::note_next_look() {
  std::int64_t next = changed_.empty() ? kNever : kAtOnce;
  for (const auto& [cls, pin] : pins_) {
    if (pin.until) next = std::min(next, pin.until->count());
  }
  // release: pairs with take_changes().
  next_look_ns_.store(next, std::memory_order_release);
}

}  // namespace pulsed
