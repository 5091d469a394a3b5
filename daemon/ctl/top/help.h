// The text behind `h`: fits into 80 by 24.
#pragma once

#include <string>
#include <vector>

namespace pulsed::ctl::top {

[[nodiscard]] std::vector<std::string> help_lines();

}  // namespace pulsed::ctl::top
