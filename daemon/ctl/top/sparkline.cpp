#include "daemon/ctl/top/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include "daemon/ctl/top/text.h"

namespace pulsed::ctl::top {
namespace {

using Bars = std::array<std::string_view, 8>;
constexpr Bars kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr Bars kAscii{"_", ".", ":", "-", "=", "+", "*", "#"};

}  // namespace

std::string sparkline(const Series& series, std::size_t width, double floor) {
  const std::vector<Series::Value> values = series.last(width);
  double most = floor;
  for (const Series::Value& value : values) most = std::max(most, value.value_or(0));
  const Bars& bars = shows_utf8() ? kBlocks : kAscii;
  std::string out(width - values.size(), ' ');
  for (const Series::Value& value : values) {
    if (!value || most <= 0) {
      out += ' ';
      continue;
    }
    const auto height = static_cast<std::size_t>(std::lround(*value / most * (bars.size() - 1)));
    out += bars[std::min(height, bars.size() - 1)];
  }
  return out;
}

}  // namespace pulsed::ctl::top
