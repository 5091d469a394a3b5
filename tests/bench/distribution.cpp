#include "tests/bench/distribution.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pulsed::bench {

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(q * static_cast<double>(values.size())) - 1;
  return values[static_cast<std::size_t>(std::max(0.0, rank))];
}

Summary median_of(const std::vector<double>& values) {
  return {quantile(values, 0.5), (quantile(values, 0.75) - quantile(values, 0.25)) / 2};
}

void Rounds::add(std::vector<double> round) { rounds_.push_back(std::move(round)); }

Rounds::Quantile Rounds::at(double q) const {
  std::vector<double> all;
  std::vector<double> of_each;
  for (const std::vector<double>& round : rounds_) {
    all.insert(all.end(), round.begin(), round.end());
    of_each.push_back(quantile(round, q));
  }
  return {quantile(all, q), median_of(of_each).spread};
}

}  // namespace pulsed::bench
