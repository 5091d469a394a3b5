// What /metrics says: a snapshot, and what is counted outside the control loop, in the Prometheus text format, version 0.0.4.
#pragma once

#include <string>

#include "daemon/metrics/off_loop.h"
#include "daemon/snapshot.h"

namespace pulsed::metrics {

// Independent of the locale. Any names in the snapshot are made fit. About 30 ms and 4 MB for 1,000
// classes. Thread-safe.
[[nodiscard]] std::string render(const Snapshot& snapshot, const OffLoop& off_loop);

}  // namespace pulsed::metrics
