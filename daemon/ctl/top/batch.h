// `pulsectl top -n N`: frames of plain text for scripts and logs.
#pragma once

#include <cstdint>

#include "daemon/ctl/endpoint.h"
#include "daemon/ctl/top/browser.h"

namespace pulsed::ctl::top {

// Each frame is of two readings, `start.interval` apart, so its rates are known; one blank line stands between two. Returns the exit
// code: that of the last frame whose daemon did not answer, if it was the last. Throws Failed if the first reading fails, or stdout.
[[nodiscard]] int run_batch(const Endpoint& endpoint, const Start& start, std::uint64_t frames);

}  // namespace pulsed::ctl::top
