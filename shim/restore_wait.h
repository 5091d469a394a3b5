// The worker's side of a demotion: no other poll begins before the thread has its OS priority back.
#pragma once

#include <cstdint>

#include "shim/worker.h"

namespace pulsed::shim {

// At the end or pause of a poll of at least `long_poll` ticks, after the line's task was cleared: while the daemon has the
// poll that began at `start` marked as demoted, waits, PULSED_RESTORE_WAIT_MS at most; not once this
// attachment's daemon has forgotten to restore some in a row. The protocol is drawn in abi.h.
void wait_restored(HotPage& page, std::uint64_t start);

}  // namespace pulsed::shim
