#include "daemon/metrics/exposition.h"

#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>

#include "daemon/metrics/families.h"

namespace pulsed::metrics {

std::string render(const Snapshot& snapshot, const OffLoop& off_loop) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, SnapshotCollectable(snapshot, off_loop).Collect());
  return std::move(out).str();
}

}  // namespace pulsed::metrics
