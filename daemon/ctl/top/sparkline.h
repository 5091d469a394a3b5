// A row of little bars, the newest at the right.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/ctl/top/history.h"

namespace pulsed::ctl::top {

// Exactly `width` columns. The highest bar is the highest value shown, though at least `floor`, so that noise at rest stays low.
[[nodiscard]] std::string sparkline(const Series& series, std::size_t width, double floor);

}  // namespace pulsed::ctl::top
