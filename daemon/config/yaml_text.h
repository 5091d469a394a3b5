// What a file must be before it is worth parsing, and what its lines say about quotes.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/config/config_error.h"

namespace pulsed::config {

// At most kMostBytes of UTF-8 without control characters; false after the first that is not, which
// is reported.
[[nodiscard]] bool is_plain_text(std::string_view text, Diagnostics& diagnostics);

[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);

// Whether the quote that `text` begins with (' or ") ends within it.
[[nodiscard]] bool quote_ends(std::string_view text);

}  // namespace pulsed::config
