// The lines above the table: the daemon itself, whether it answers, and what the table shows.
#pragma once

#include <vector>

#include "daemon/ctl/top/browser.h"
#include "daemon/ctl/top/model.h"
#include "daemon/ctl/top/styled_text.h"

namespace pulsed::ctl::top {

struct Now {
  SteadyTime steady;
  WallTime wall;
};

// Three lines, none wider than `width`: what is least important is left out first.
[[nodiscard]] std::vector<Line> status_lines(const Model& model, Now now, std::size_t width);

// "connected", or why not and how old what is shown is; and whether it is paused.
[[nodiscard]] Line connection_line(const Model& model, const Browser& browser, Now now,
                                   std::size_t width);

// "classes of shop, 3 of 12, by cpu, filter: /api".
[[nodiscard]] Line listing_line(const Browser& browser, const Listing& listing, std::size_t width);

}  // namespace pulsed::ctl::top
