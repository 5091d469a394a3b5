// Every series that pulsed exposes, in one table: name, type, help and labels. A new number is a
// new line here, a line that fills it in families.cpp, and the reference in dashboards/README.md
// made anew; nothing else names a series.
//
// Units are part of the names: seconds for times, nothing for counts. The words are those of the
// design.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace pulsed::metrics {

enum class Series : std::uint8_t {
  // Of one class of one service.
  kPolls,
  kCpuSeconds,
  kViolations,
  kYieldsObeyed,
  kIsolatedPolls,
  kWouldYields,
  kWouldIsolatedPolls,
  kWouldDemotions,
  kWouldCoverCpu,
  kPollDuration,
  kQueueWait,
  kTasks,
  kClassTier,
  // Of one service.
  kTierChanges,
  kClassTierChanges,
  kReportsWithheld,
  kDirectives,
  kInFlightPolls,
  kInFlightLongest,
  kDroppedSamples,
  kRejectedRecords,
  kSkippedSamples,
  kTasksWithoutSlot,
  kClockReads,
  kLateClockReads,
  kHeldPolls,
  kSpareWorkers,
  kSpareWakes,
  kWouldSpareWakes,
  kSpareShortages,
  kDemotedThreads,
  kDemotions,
  kDemotionsRefused,
  kDemotionBoosts,
  kDemotedSeconds,
  kDemotionUndo,
  kQuarantined,
  kPinnedClasses,
  kServiceProcesses,
  kServiceWorkers,
  // Of the daemon.
  kTickDuration,
  kTickLateness,
  kSamples,
  kAttaches,
  kDetaches,
  kAttachesRefused,
  kQuarantines,
  kFoldedLabelValues,
  kEventsLeftOut,
  kPolicyInfo,
  kPolicyReloads,
  kPolicyReloadFailures,
  kHighPriority,
  kExactRunTimes,
  kCanDemote,
  kUndoneByGuardian,
  kRevisionsDurable,
  kRevisionStoreFailures,
  kHttpConnectionsRefused,
  kHttpRepliesRefused,
  kHttpWatchersRefused,
  kHttpWatchers,
  kApiConnectionsRefused,
  kApiCalls,
  kLogLinesDropped,
  kBuildInfo,
  kProcessCpu,
  kProcessResident,
  kProcessOpenFds,
  kProcessMaxFds,
  kProcessStart,
};
inline constexpr std::size_t kSeriesCount = 71;
static_assert(static_cast<std::size_t>(Series::kProcessStart) + 1 == kSeriesCount);

enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };

using Labels = std::array<std::string_view, 3>;  // names; "" where there are fewer

struct Entry {
  Series series;
  Type type;
  std::string_view name;
  Labels labels;
  std::string_view help;  // how to read it; goes out as it is, so without line ends and backslashes
};

// In the order of Series, which is the order of /metrics.
[[nodiscard]] std::span<const Entry, kSeriesCount> catalogue();
[[nodiscard]] const Entry& entry(Series series);

// Of what an entry has one set of samples each.
enum class Scope : std::uint8_t { kClass, kService, kDaemon };
[[nodiscard]] constexpr Scope scope(const Entry& e) {
  if (e.labels[1] == "class") return Scope::kClass;
  return e.labels[0] == "service" ? Scope::kService : Scope::kDaemon;
}

}  // namespace pulsed::metrics
