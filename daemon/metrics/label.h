// Makes any bytes fit to be the value of a Prometheus label.
#pragma once

#include <string>
#include <string_view>

namespace pulsed::metrics {

// Valid UTF-8 stays as it is, line ends, quotes and backslashes included: the text format escapes those itself. Each other
// ASCII control character and each byte that is not UTF-8 becomes U+FFFD and two hex digits, and so does each byte of a
// U+FFFD that is there already. So two different names never become one, which would spoil the whole scrape.
[[nodiscard]] std::string label_value(std::string_view name);

}  // namespace pulsed::metrics
