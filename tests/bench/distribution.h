// Values that were measured one by one: their median, or another quantile, and how much it differs from round to round.
#pragma once

#include <vector>

#include "tests/bench/interleaved.h"

namespace pulsed::bench {

// The value that the share `q` of them is at or below. Of at least one value.
[[nodiscard]] double quantile(std::vector<double> values, double q);
[[nodiscard]] Summary median_of(const std::vector<double>& values);

// The same thing measured over and over, in rounds.
class Rounds {
 public:
  void add(std::vector<double> round);  // not empty

  struct Quantile {
    double value;   // over all rounds
    double spread;  // half the distance between the quartiles of the rounds' own
  };
  [[nodiscard]] Quantile at(double q) const;

 private:
  std::vector<std::vector<double>> rounds_;
};

}  // namespace pulsed::bench
