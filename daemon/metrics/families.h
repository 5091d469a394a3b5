// A snapshot in prometheus-cpp's model. Inside daemon/metrics only; others call render() in
// exposition.h.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "daemon/snapshot.h"

namespace pulsed::metrics {

// Thread-compatible: reads the snapshot only, which outlives it.
class SnapshotCollectable final : public prometheus::Collectable {
 public:
  explicit SnapshotCollectable(const Snapshot& snapshot) : snapshot_(snapshot) {}
  // In the order of the catalogue, without families that have nothing to show.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Snapshot& snapshot_;
};

}  // namespace pulsed::metrics
