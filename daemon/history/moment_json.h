// Writes moments as moment.h says.
#pragma once

#include <string>

#include "daemon/history/moment.h"

namespace pulsed::history {

// One line of valid UTF-8, whatever bytes names hold: each that is none becomes U+FFFD.
[[nodiscard]] std::string to_json(const Moment& moment);

}  // namespace pulsed::history
