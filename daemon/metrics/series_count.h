// How many samples a scrape makes, worked out from the catalogue: what Prometheus shows as scrape_samples_scraped.
//
//   series_of(Scope::kClass) a class + series_of(Scope::kService) a service + series_of(Scope::kDaemon),
//   and one for each pair that appears once it has happened (from and to of tier changes, method and code of calls)
#pragma once

#include <cstddef>

#include "daemon/metrics/catalogue.h"
#include "daemon/metrics/off_loop.h"
#include "daemon/snapshot.h"

namespace pulsed::metrics {

// The most time series that one class can make at a time; kept so by a test. While its enforcement changes, Prometheus
// shows the old pulsed_class_tier beside the new one for some minutes.
inline constexpr std::size_t kMaxSeriesPerClass = 40;

// Of one class, of one service, of the daemon; without pairs that have to happen first.
[[nodiscard]] std::size_t series_of(Scope what);
// Whether the samples of an entry are pairs that have to happen first.
[[nodiscard]] bool appears_as_it_happens(const Entry& e);
[[nodiscard]] std::size_t sample_count(const Snapshot& snapshot, const OffLoop& off_loop);

}  // namespace pulsed::metrics
