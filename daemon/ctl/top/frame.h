// A whole screen, or a whole block of text for scripts, out of what is known and where the operator is. Pure.
#pragma once

#include <string>

#include "daemon/ctl/top/browser.h"
#include "daemon/ctl/top/header.h"
#include "daemon/ctl/top/model.h"
#include "daemon/ctl/top/styled_text.h"

namespace pulsed::ctl::top {

inline constexpr Size kLeastSize{.width = 40, .height = 10};

// Rows of the table that fit; at least 1.
[[nodiscard]] std::size_t page_of(Size size);

// Exactly `size.height` lines, none wider than `size.width`. The browser is settled for this listing and this size.
[[nodiscard]] Frame frame_of(const Model& model, const Browser& browser, const Listing& listing,
                             Now now, Size size);

// All rows, nothing cut, no styles; ends with a new line.
[[nodiscard]] std::string batch_text(const Model& model, const Browser& browser,
                                     const Listing& listing, Now now);

}  // namespace pulsed::ctl::top
