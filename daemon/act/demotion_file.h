// The bytes of the demotion ledger's file.
//
//   ┌──────────────────┬───────────┬───────────┬─────┬──────────────┐
//   │ header    1 page │ entry 0   │ entry 1   │ ... │ entry 4095   │
//   └──────────────────┴───────────┴───────────┴─────┴──────────────┘
//
// Three processes may have it mapped at a time: a daemon, its guardian, and the guardian of the daemon before it, for as long
// as that one lives. So every entry says whose it is, and its word changes by compare-and-swap only.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "daemon/act/demotion_ledger.h"

namespace pulsed::act {

// word: generation 20 | state 2. Its other fields are written while the entry is FREE and stand still until it is again.
enum class EntryState : std::uint32_t { kFree = 0, kHeld = 1, kOffspring = 2, kLeft = 3 };

struct alignas(64) DemotionEntry {
  std::atomic<std::uint32_t> word;
  std::atomic<std::uint64_t> owner;  // run of the daemon
  DemotedThread demoted;
};

struct DemotionLedger::File {
  static constexpr std::uint64_t kMagic = 0x4f4d4544534c5550;  // "PULSDEMO", little-endian
  static constexpr std::uint32_t kVersion = 1;

  struct alignas(4096) Header {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t entry_bytes;
    // Thread ids and start times mean something only there, and only until the next boot.
    std::array<char, 40> boot_id;
    std::uint64_t pid_namespace;
    std::atomic<std::uint32_t> high;  // entries [high, ...) are free; by the daemon alone
  };

  Header header;
  std::array<DemotionEntry, kCapacity> entries;

  [[nodiscard]] std::uint32_t high() const;
};

static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// Where a daemon and its own guardian meet. Not in the file, where another daemon's could be taken for ours.
struct DemotionLedger::Vigil {
  std::atomic<std::uint64_t> beat_ns;  // of the daemon, CLOCK_MONOTONIC
  std::atomic<std::uint32_t> awake;    // the guardian looks by itself, without being woken
  std::atomic<std::uint64_t> undone;   // by the guardian, while the daemon lived
};

constexpr std::uint32_t kEntryStateBits = 2;
constexpr std::uint32_t kEntryGenerationBits = 20;

constexpr EntryState state_of(std::uint32_t word) {
  return static_cast<EntryState>(word & ((1U << kEntryStateBits) - 1));
}
constexpr std::uint32_t generation_of(std::uint32_t word) {
  return word >> kEntryStateBits & ((1U << kEntryGenerationBits) - 1);
}
constexpr std::uint32_t entry_word(std::uint32_t generation, EntryState state) {
  return (generation & ((1U << kEntryGenerationBits) - 1)) << kEntryStateBits |
         static_cast<std::uint32_t>(state);
}

// What an entry said at one moment.
struct EntryCopy {
  std::uint32_t word;
  std::uint64_t owner;
  DemotedThread demoted;
};

// Nothing if it is free, or became so while it was read: another process may have freed it, and the daemon filled it anew.
inline std::optional<EntryCopy> read_entry(const DemotionEntry& entry) {
  const std::uint32_t word = entry.word.load(std::memory_order_seq_cst);  // pairs with hold()
  if (state_of(word) == EntryState::kFree) return std::nullopt;
  const EntryCopy copy{word, entry.owner.load(std::memory_order_relaxed), entry.demoted};
  // The fields before the word: they are only written once the word was FREE.
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint32_t after = entry.word.load(std::memory_order_relaxed);
  if (generation_of(after) != generation_of(word) || state_of(after) == EntryState::kFree) {
    return std::nullopt;
  }
  return copy;
}

}  // namespace pulsed::act
