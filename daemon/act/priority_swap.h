// One priority for another, of a thread that is still that thread and still has the first: so whoever undoes a demotion,
// and however often, takes nothing from a thread that set its own priority meanwhile, nor from another of its number.
//
// Nothing here allocates or locks.
#pragma once

#include "daemon/act/thread_priority.h"
#include "daemon/clocks/peer_thread.h"

namespace pulsed::act {

enum class Swap {
  kDone,
  kNotOurs,  // the thread has gone, or its priority is another
  kFailed,   // it may not be set or looked at, for now
};

[[nodiscard]] Swap swap_priority(const clocks::PeerThread& thread, const SchedAttr& from,
                                 const SchedAttr& to);

enum class Identity {
  kSame,
  kGone,     // it ended; its number may be another thread's by now
  kUnknown,  // the look at it failed: out of descriptors, out of memory
};

// Is the thread of this number still that one?
[[nodiscard]] Identity identify(const clocks::PeerThread& thread);

// Another thread took the number just before it was given `applied`: gives it `before`, unless it has set a priority of
// its own since.
void give_back_to_stranger(pid_t tid, const SchedAttr& applied, const SchedAttr& before);

}  // namespace pulsed::act
