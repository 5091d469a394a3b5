// Globs over names: `*` is any text, `?` any one byte, all else itself.
#pragma once

#include <string_view>

namespace pulsed::policy {

[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text);

// Whether `wide` matches all that `narrow` matches. Never claims what is not; misses 4 of the 1.9 million
// pairs of globs of up to five symbols over two letters, and only where `wide` has a `?` beside a `*`.
[[nodiscard]] bool glob_covers(std::string_view wide, std::string_view narrow);

// Whether some text matches both.
[[nodiscard]] bool globs_overlap(std::string_view a, std::string_view b);

}  // namespace pulsed::policy
