// What a person probably meant: the nearest of a few known names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pulsed::config {

// The known name nearest to `word` by edit distance (a swap of neighbours counts once), or none
// when nothing is near: at most a third of the letters may differ, and at least one may. Upper and
// lower case, `-` and `_` count as equal.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> known);

// "; did you mean `poll_budget`?", or empty.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string_view> known);

// "observe, shadow or enforce"
[[nodiscard]] std::string one_of(std::span<const std::string_view> known);

}  // namespace pulsed::config
