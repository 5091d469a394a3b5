// Text as a terminal shows it: how many columns it takes, and numbers that fit into few.
//
// Names come from services: what would move the cursor or turn the direction of writing becomes a question mark.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/ctl/top/reading.h"

namespace pulsed::ctl::top {

// Columns that `text` takes, once it is `fitted`.
[[nodiscard]] std::size_t columns(std::string_view text);

enum class Side { kLeft, kRight };

// Exactly `width` columns: padded away from `side`, or cut with an ellipsis (`…`, or `~` where that cannot be shown).
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width, Side side = Side::kLeft);

// At most `width` columns: cut, not padded.
[[nodiscard]] std::string cut(std::string_view text, std::size_t width);

// The same with the end kept.
[[nodiscard]] std::string end_of(std::string_view text, std::size_t width);

// True if the locale's encoding is UTF-8. Nothing beyond ASCII is shown otherwise.
[[nodiscard]] bool shows_utf8();

// At most five columns: 0, 0.25, 9.9, 12, 1.2k, 999M; "-" for what is not known.
[[nodiscard]] std::string number_text(double value);
[[nodiscard]] std::string rate_text(std::optional<double> value);

// At most five columns, of which a quarter of one CPU is 25.0.
[[nodiscard]] std::string percent_text(std::optional<double> value);

// At most five columns: 850ns, 1.2ms, 20ms, 3.4s, 12m, 5h, 40d. "-" for zero, which stands for "none".
[[nodiscard]] std::string duration_text(Duration duration);

}  // namespace pulsed::ctl::top
