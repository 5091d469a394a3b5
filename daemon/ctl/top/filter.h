// What an operator types to see fewer rows.
#pragma once

#include <initializer_list>
#include <string_view>

namespace pulsed::ctl::top {

// A filter with `*` or `?` is a glob over the whole text, any other a part of it; upper and lower case of ASCII are the same.
[[nodiscard]] bool passes(std::string_view filter, std::string_view text);

// The empty filter lets everything through; another one, rows of which any text passes.
[[nodiscard]] bool any_passes(std::string_view filter,
                              std::initializer_list<std::string_view> texts);

}  // namespace pulsed::ctl::top
