// What a number or a length of time may be, both ends included.
#pragma once

namespace pulsed::policy {

template <typename T>
struct Range {
  T least;
  T most;
  [[nodiscard]] constexpr bool holds(const T& value) const {
    return value >= least && value <= most;
  }
};

}  // namespace pulsed::policy
