// The life of a daemon, from its settings to its end.
#pragma once

#include "daemon/config/settings.h"

namespace pulsed {

// To be called before there are threads, so that all of them leave SIGTERM, SIGINT and SIGHUP to serve().
void block_handled_signals();

// Starts the daemon, reloads it on SIGHUP, and takes everything back on SIGTERM or SIGINT. While the process has one thread.
// Returns the exit code; throws std::runtime_error, with what to do, if it cannot start.
[[nodiscard]] int serve(const config::Sources& sources, config::Settings settings);

}  // namespace pulsed
