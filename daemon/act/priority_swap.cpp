#include "daemon/act/priority_swap.h"

#include <cerrno>

#include "daemon/act/thread_stat.h"

namespace pulsed::act {

bool still_that_thread(const clocks::PeerThread& thread) {
  const std::optional<ThreadStat> stat = read_thread_stat(thread.pid, thread.tid);
  return stat && stat->start_time == thread.start_time;
}

Swap swap_priority(const clocks::PeerThread& thread, const SchedAttr& from, const SchedAttr& to) {
  const std::optional<SchedAttr> now = read_priority(thread.tid);
  if (!now || !same_priority(*now, from) || !still_that_thread(thread)) return Swap::kNotOurs;
  switch (write_priority(thread.tid, to)) {
    case 0:
      return Swap::kDone;
    case ESRCH:
      return Swap::kNotOurs;
    default:
      return Swap::kFailed;
  }
}

}  // namespace pulsed::act
