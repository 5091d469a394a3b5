// Deals task slots inside one service: to each worker a cache line of them at a time (fewer from a
// small table), reused first in, first out.
//
// The table is private memory of the service; what the daemon sees of it are the identity words in S. Sixteen task words of
// D fill a cache line, so that two workers opening tasks do not share one. First in, first out keeps a slot unused as long
// as can be, which is what makes its 16-bit generation last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "shared_memory/abi.h"

namespace pulsed::shm {

// Some slots in order of their return. Owned by one thread, or guarded by the table's lock.
struct SlotQueue {
  std::uint32_t head = 0;  // slot 0 is never dealt: none
  std::uint32_t tail = 0;
  std::uint32_t count = 0;
};

struct DealtSlot {
  std::uint32_t slot;  // 0: the table is full
  std::uint16_t generation;
};

class TaskTable {
 public:
  static constexpr std::uint32_t kDeal = PULSED_CACHE_LINE / sizeof(std::uint32_t);

  // `slots`: slot 0 included. `workers`: how many queues there may be; they never keep more than a quarter of the slots.
  explicit TaskTable(std::uint32_t slots, std::uint32_t workers = 1);
  [[nodiscard]] bool valid() const { return entries_ != nullptr; }

  // For a worker with its own queue; takes the lock only when that runs empty or long.
  [[nodiscard]] DealtSlot open(SlotQueue& local, std::uint16_t cls);
  // A slot is retired first, by the task's owner, so that its identity word says so; then returned.
  void retire(std::uint32_t slot);
  void close(SlotQueue& local, std::uint32_t slot);
  // For any thread.
  [[nodiscard]] DealtSlot open_shared(std::uint16_t cls);
  void close_shared(std::uint32_t slot);
  // Takes back what a worker leaves behind.
  void give_back(SlotQueue& local);

  // The slot's identity word, as S has it. set_class: by the task's owner.
  [[nodiscard]] std::uint32_t identity(std::uint32_t slot) const;
  [[nodiscard]] std::uint16_t task_class(std::uint32_t slot) const;
  void set_class(std::uint32_t slot, std::uint16_t cls);

  // Slots [1, high) were dealt at least once.
  [[nodiscard]] std::uint32_t high() const { return __atomic_load_n(&high_, __ATOMIC_RELAXED); }
  [[nodiscard]] std::uint32_t slots() const { return slots_; }

 private:
  struct Entry {
    std::uint32_t
        identity;  // written by the task's owner, read by the shim's thread at attach: relaxed atomics
    std::uint32_t next;  // in the queue that holds the slot
  };
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };

  void push(SlotQueue& queue, std::uint32_t slot);
  std::uint32_t pop(SlotQueue& queue);
  void refill(SlotQueue& local);  // under the lock
  DealtSlot deal(std::uint32_t slot, std::uint16_t cls);

  static constexpr std::uint32_t kLocalMost = 16 * kDeal;

  const std::uint32_t slots_;
  const std::uint32_t local_most_;  // slots a queue may hold unused
  const std::uint32_t deal_;  // slots a refill takes: a line of them unless the table is small
  std::unique_ptr<Entry[], Free> entries_;  // zeroed lazily by the kernel: touched only as used
  std::mutex mutex_;
  SlotQueue free_;
  std::uint32_t high_ = kDeal;  // the line of slot 0 is left out, so that deals begin on a line
};

}  // namespace pulsed::shm
