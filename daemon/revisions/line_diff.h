// Which lines two texts differ in.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pulsed::revisions {

// Beyond so many lines removed and added, what differs is shown as all removed and all added: the time and memory of the
// fewest lines grow with their number's square.
inline constexpr std::size_t kMostEdits = 1000;

// In unified format, with three lines around each change; empty: the texts are equal. The fewest lines, by E. W. Myers, "An
// O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986), after what is equal at both ends was cut.
[[nodiscard]] std::string unified_diff(std::string_view from, std::string_view to,
                                       const std::string& from_name, const std::string& to_name);

}  // namespace pulsed::revisions
