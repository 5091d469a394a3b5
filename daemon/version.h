// Which pulsed and pulsectl this is.
#pragma once

#include <string>
#include <string_view>

namespace pulsed {

[[nodiscard]] std::string_view version();  // "0.1.0"
// The commit it was built from, "-dirty" behind it when the tree had changes; "unknown" outside git.
[[nodiscard]] std::string_view git_revision();

[[nodiscard]] std::string version_text();  // "0.1.0 (a9896c84ab9d)"

}  // namespace pulsed
