#include "shared_memory/task_table.h"

#include <algorithm>

namespace pulsed::shm {

TaskTable::TaskTable(std::uint32_t slots, std::uint32_t workers)
    : slots_(slots),
      local_most_(std::clamp(slots / (4 * std::max(workers, 1U)), 1U, kLocalMost)),
      deal_(std::min(kDeal, local_most_)),
      entries_(static_cast<Entry*>(std::calloc(slots, sizeof(Entry)))) {}

DealtSlot TaskTable::open(SlotQueue& local, std::uint16_t cls) {
  if (local.count == 0) {
    const std::lock_guard lock(mutex_);
    refill(local);
  }
  return deal(pop(local), cls);
}

void TaskTable::close(SlotQueue& local, std::uint32_t slot) {
  push(local, slot);
  if (local.count <= local_most_) return;
  const std::lock_guard lock(mutex_);
  while (local.count > local_most_ / 2) push(free_, pop(local));
}

DealtSlot TaskTable::open_shared(std::uint16_t cls) {
  const std::lock_guard lock(mutex_);
  if (free_.count == 0) refill(free_);
  return deal(pop(free_), cls);
}

void TaskTable::close_shared(std::uint32_t slot) {
  const std::lock_guard lock(mutex_);
  push(free_, slot);
}

void TaskTable::give_back(SlotQueue& local) {
  const std::lock_guard lock(mutex_);
  while (local.count != 0) push(free_, pop(local));
}

std::uint32_t TaskTable::identity(std::uint32_t slot) const {
  return __atomic_load_n(&entries_[slot].identity, __ATOMIC_RELAXED);
}

std::uint16_t TaskTable::task_class(std::uint32_t slot) const {
  return static_cast<std::uint16_t>(identity(slot) >> PULSED_IDENTITY_CLASS_SHIFT &
                                    PULSED_REF_CLASS_MASK);
}

void TaskTable::set_class(std::uint32_t slot, std::uint16_t cls) {
  constexpr std::uint32_t kClassBits = PULSED_REF_CLASS_MASK << PULSED_IDENTITY_CLASS_SHIFT;
  const std::uint32_t word = identity(slot) & ~kClassBits;
  __atomic_store_n(&entries_[slot].identity,
                   word | std::uint32_t{cls} << PULSED_IDENTITY_CLASS_SHIFT, __ATOMIC_RELAXED);
}

void TaskTable::push(SlotQueue& queue, std::uint32_t slot) {
  entries_[slot].next = 0;
  if (queue.count == 0) {
    queue.head = slot;
  } else {
    entries_[queue.tail].next = slot;
  }
  queue.tail = slot;
  ++queue.count;
}

std::uint32_t TaskTable::pop(SlotQueue& queue) {
  if (queue.count == 0) return 0;
  const std::uint32_t slot = queue.head;
  queue.head = entries_[slot].next;
  --queue.count;
  return slot;
}

void TaskTable::refill(SlotQueue& local) {
  // Used slots before fresh ones, so that the table touches no more memory than its most live tasks need.
  const bool take_used = free_.count >= kDeal || high_ >= slots_;
  if (!take_used) {
    const std::uint32_t end = std::min(high_ + deal_, slots_);
    for (std::uint32_t slot = high_; slot != end; ++slot) push(local, slot);
    __atomic_store_n(&high_, end, __ATOMIC_RELAXED);
    return;
  }
  if (&local == &free_) return;
  for (std::uint32_t i = 0; i < deal_ && free_.count != 0; ++i) push(local, pop(free_));
}

DealtSlot TaskTable::deal(std::uint32_t slot, std::uint16_t cls) {
  if (slot == 0) return {0, 0};
  auto generation =
      static_cast<std::uint16_t>((identity(slot) >> PULSED_IDENTITY_GENERATION_SHIFT) + 1);
  if (generation == 0) generation = 1;  // 0 belongs to "no slot"
  __atomic_store_n(&entries_[slot].identity,
                   std::uint32_t{generation} << PULSED_IDENTITY_GENERATION_SHIFT |
                       std::uint32_t{cls} << PULSED_IDENTITY_CLASS_SHIFT | PULSED_IDENTITY_LIVE,
                   __ATOMIC_RELAXED);
  return {slot, generation};
}

void TaskTable::retire(std::uint32_t slot) {
  __atomic_store_n(&entries_[slot].identity, identity(slot) & ~PULSED_IDENTITY_STATE_MASK,
                   __ATOMIC_RELAXED);
}

}  // namespace pulsed::shm
