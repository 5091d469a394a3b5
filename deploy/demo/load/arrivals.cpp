#include "deploy/demo/load/arrivals.h"

namespace pulsed::demo::load {

Arrivals::Arrivals(Spacing spacing, double per_second, std::uint64_t seed)
    : spacing_(spacing), mean_gap_(1e9 / per_second), random_(seed) {
  advance();
}

void Arrivals::advance() {
  exact_ += mean_gap_ * (spacing_ == Spacing::kPoisson ? gap_(random_) : 1.0);
  next_ = std::chrono::duration_cast<std::chrono::nanoseconds>(exact_);
}

}  // namespace pulsed::demo::load
