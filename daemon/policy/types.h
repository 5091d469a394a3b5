// The policy core's own words: time, tiers, priorities and IDs. Pure: standard library and
// directive.h only.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shared_memory/directive.h"

namespace pulsed::policy {

using Duration = std::chrono::nanoseconds;

// A moment on the daemon's monotonic clock, as time since an arbitrary start. Never read from a
// clock in here.
using Time = std::chrono::nanoseconds;

enum class Tier : std::uint8_t {
  kMonitor = PULSED_TIER_MONITOR,
  kWarn = PULSED_TIER_WARN,
  kYield = PULSED_TIER_YIELD,
  kIsolate = PULSED_TIER_ISOLATE,
};
inline constexpr std::size_t kTierCount = PULSED_TIER_COUNT;
inline constexpr std::array<std::string_view, kTierCount> kTierNames{"monitor", "warn", "yield",
                                                                     "isolate"};
[[nodiscard]] constexpr std::size_t index(Tier t) { return static_cast<std::size_t>(t); }
[[nodiscard]] constexpr std::string_view name(Tier t) { return kTierNames[index(t)]; }

enum class Priority : std::uint8_t {
  kCritical = PULSED_PRIORITY_CRITICAL,
  kHigh = PULSED_PRIORITY_HIGH,
  kNormal = PULSED_PRIORITY_NORMAL,
  kLow = PULSED_PRIORITY_LOW,
};
inline constexpr std::size_t kPriorityCount = PULSED_PRIORITY_COUNT;
inline constexpr std::array<std::string_view, kPriorityCount> kPriorityNames{"critical", "high",
                                                                             "normal", "low"};
[[nodiscard]] constexpr std::size_t index(Priority p) { return static_cast<std::size_t>(p); }
[[nodiscard]] constexpr std::string_view name(Priority p) { return kPriorityNames[index(p)]; }

enum class Enforcement : std::uint8_t { kObserve, kShadow, kEnforce };
inline constexpr std::size_t kEnforcementCount = 3;
inline constexpr std::array<std::string_view, kEnforcementCount> kEnforcementNames{
    "observe", "shadow", "enforce"};
[[nodiscard]] constexpr std::string_view name(Enforcement e) {
  return kEnforcementNames[static_cast<std::size_t>(e)];
}

// What a worker held by a long in-flight poll is doing.
enum class Blame : std::uint8_t { kUnknown, kBurning, kRunnable, kBlocked };
inline constexpr std::size_t kBlameCount = 4;
inline constexpr std::array<std::string_view, kBlameCount> kBlameNames{"unknown", "burning",
                                                                       "runnable", "blocked"};
[[nodiscard]] constexpr std::string_view name(Blame b) {
  return kBlameNames[static_cast<std::size_t>(b)];
}

// Slot and generation together are unique over one attachment of one service (until 2^16 reuses of
// the slot).
struct TaskId {
  std::uint32_t slot;        // [0, capacity), or kNoSlot
  std::uint16_t generation;  // [0, 65535]
  friend bool operator==(TaskId, TaskId) = default;
};
// A poll whose task has no slot (table full, or a handler without a task): only its class is known.
inline constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;

// Unique over one attachment of one service; class 0 is the service's unnamed class.
enum class ClassId : std::uint16_t {};
[[nodiscard]] constexpr std::size_t index(ClassId c) { return static_cast<std::size_t>(c); }

}  // namespace pulsed::policy
