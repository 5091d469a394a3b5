#include "daemon/act/priority_swap.h"

#include <cerrno>

#include "daemon/clocks/thread_stat.h"

namespace pulsed::act {

Identity identify(const clocks::PeerThread& thread) {
  if (const std::optional<clocks::ThreadStat> stat =
          clocks::read_thread_stat(thread.pid, thread.tid)) {
    return stat->start_time == thread.start_time ? Identity::kSame : Identity::kGone;
  }
  return errno == ENOENT || errno == ESRCH ? Identity::kGone : Identity::kUnknown;
}

Swap swap_priority(const clocks::PeerThread& thread, const SchedAttr& from, const SchedAttr& to) {
  // Looked at again after it was identified: were the number reused meanwhile, by a real-time thread say, it shows.
  for (const bool identified : {false, true}) {
    const std::optional<SchedAttr> now = read_priority(thread.tid);
    if (!now) return errno == ESRCH ? Swap::kNotOurs : Swap::kFailed;
    if (!same_priority(*now, from)) return Swap::kNotOurs;
    if (identified) break;
    const Identity identity = identify(thread);
    if (identity == Identity::kGone) return Swap::kNotOurs;
    if (identity == Identity::kUnknown) return Swap::kFailed;
  }
  switch (write_priority(thread.tid, to)) {
    case 0:
      return Swap::kDone;
    case ESRCH:
      return Swap::kNotOurs;
    default:
      return Swap::kFailed;
  }
}

void give_back_to_stranger(pid_t tid, const SchedAttr& applied, const SchedAttr& before) {
  const std::optional<SchedAttr> now = read_priority(tid);
  if (now && same_priority(*now, applied)) (void)write_priority(tid, before);
}

}  // namespace pulsed::act
