#include "daemon/metrics/series_count.h"

#include <algorithm>
#include <string_view>

namespace pulsed::metrics {
namespace {

// How many values of the label one thing shows at a time. The enforcement of a class changes, and then its series has another
// name: one at a time, as all labels of an info.
constexpr std::size_t values_at_a_time(std::string_view label) {
  if (label == "tier") return policy::kTierCount;
  if (label == "blame") return policy::kBlameCount;
  if (label == "directive") return 3;
  if (label == "state") return 2;
  return 1;
}

constexpr bool happens_first(const Entry& e) {
  return std::ranges::any_of(e.labels, [](auto l) { return l == "from" || l == "method"; });
}

constexpr std::size_t buckets(Series series) {
  const bool of_ticks = series == Series::kTickDuration || series == Series::kTickLateness;
  return of_ticks ? kTickBoundsNs.size() : kPublishedDurationBoundsNs.size();
}

constexpr std::size_t samples(const Entry& e) {
  if (happens_first(e)) return 0;
  // Of a histogram beside its buckets: +Inf, sum and count.
  std::size_t count = e.type == Type::kHistogram ? buckets(e.series) + 3 : 1;
  for (const std::string_view label : e.labels) count *= values_at_a_time(label);
  return count;
}

std::size_t pairs(const ServiceSnapshot& service) {
  std::size_t count = 0;
  for (const auto& row : service.tier_changes) {
    count += row.size() - static_cast<std::size_t>(std::ranges::count(row, std::uint64_t{0}));
  }
  return count;
}

}  // namespace

std::size_t series_of(Scope what) {
  std::size_t count = 0;
  for (const Entry& e : catalogue()) {
    if (scope(e) == what) count += samples(e);
  }
  return count;
}

bool appears_as_it_happens(const Entry& e) { return happens_first(e); }

std::size_t sample_count(const Snapshot& snapshot, const OffLoop& off_loop) {
  std::size_t count = series_of(Scope::kDaemon) + off_loop.api_calls.size() +
                      series_of(Scope::kService) * snapshot.services.size() +
                      series_of(Scope::kClass) * snapshot.classes.size();
  for (const ServiceSnapshot& service : snapshot.services) count += pairs(service);
  return count;
}

}  // namespace pulsed::metrics
