// A snapshot in prometheus-cpp's model. Inside daemon/metrics only; others call render() in
// exposition.h.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "daemon/metrics/off_loop.h"
#include "daemon/snapshot.h"

namespace pulsed::metrics {

// Thread-compatible: reads only what it is given, which outlives it.
class SnapshotCollectable final : public prometheus::Collectable {
 public:
  SnapshotCollectable(const Snapshot& snapshot, const OffLoop& off_loop)
      : snapshot_(snapshot), off_loop_(off_loop) {}
  // In the order of the catalogue, without families that have nothing to show.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Snapshot& snapshot_;
  const OffLoop& off_loop_;
};

}  // namespace pulsed::metrics
