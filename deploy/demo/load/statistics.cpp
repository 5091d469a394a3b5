#include "deploy/demo/load/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pulsed::demo::load {

Duration percentile(const std::vector<Duration>& sorted, double quantile) {
  // 0.99 * 100 is a little more than 99 in binary, and must not become the 100th.
  const double rank = std::ceil(quantile * static_cast<double>(sorted.size()) - 1e-9);
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

Summary summarise(std::vector<Duration> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  Summary summary;
  summary.count = samples.size();
  summary.mean = std::accumulate(samples.begin(), samples.end(), Duration{}) /
                 static_cast<Duration::rep>(samples.size());
  summary.p50 = percentile(samples, 0.5);
  summary.p99 = percentile(samples, 0.99);
  summary.p999 = percentile(samples, 0.999);
  summary.max = samples.back();
  return summary;
}

}  // namespace pulsed::demo::load
