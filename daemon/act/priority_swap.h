// One priority for another, of a thread that is still that thread and still has the first: so whoever undoes a demotion,
// and however often, takes nothing from a thread that set its own priority meanwhile, nor from another of its number.
#pragma once

#include "daemon/act/thread_priority.h"
#include "daemon/clocks/peer_thread.h"

namespace pulsed::act {

enum class Swap {
  kDone,
  kNotOurs,  // the thread has gone, or its priority is another
  kFailed,   // it may not be set, for now
};

// Does not allocate or lock.
[[nodiscard]] Swap swap_priority(const clocks::PeerThread& thread, const SchedAttr& from,
                                 const SchedAttr& to);

// The thread of this number is still that one.
[[nodiscard]] bool still_that_thread(const clocks::PeerThread& thread);

}  // namespace pulsed::act
