// `pulsectl top` on a terminal.
#pragma once

#include "daemon/ctl/endpoint.h"
#include "daemon/ctl/top/browser.h"

namespace pulsed::ctl::top {

// Until the operator quits. Returns the exit code; SIGTERM, SIGHUP and SIGQUIT end the process itself, once the terminal is as it was.
[[nodiscard]] int run_interactive(const Endpoint& endpoint, const Start& start, bool color);

}  // namespace pulsed::ctl::top
