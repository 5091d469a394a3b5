// Which threads run at a priority that pulsed lowered, and how to put each back: written before a thread is touched, so that
// whoever is left can undo it.
//
// A file in the run directory, mapped by the daemon and by its guardian. The daemon that starts next finds there what a
// daemon and a guardian that died together left behind.
//
// An entry: FREE -> HELD (by the daemon, before the thread is touched) -> TAKEN (by whoever puts the thread back, with one
// compare-and-swap, so that only one does) -> OFFSPRING (back; what the thread spawned meanwhile may have inherited the low
// priority, and the guardian looks for it) -> FREE. A TAKEN entry of a daemon that is gone is put back again: that is
// idempotent, as a thread is only touched while its priority is still the one that was given to it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/act/thread_priority.h"
#include "daemon/clocks/peer_thread.h"
#include "shared_memory/segment.h"

namespace pulsed::act {

struct DemotedThread {
  clocks::PeerThread thread;
  SchedAttr before;                // to go back to
  SchedAttr applied;               // what it was given
  std::uint64_t since_boot_ticks;  // when, in clock ticks since boot, as /proc's starttime
};

// Names an entry until it is freed.
enum class DemotionId : std::uint32_t {};

class DemotionLedger {
 public:
  static constexpr std::uint32_t kCapacity = 4096;

  // Opens or makes the file. Throws std::runtime_error, with what to do, if it cannot be had. One daemon alone may hold it:
  // the run directory's lock sees to that.
  explicit DemotionLedger(const std::string& path);
  ~DemotionLedger();
  DemotionLedger(const DemotionLedger&) = delete;
  DemotionLedger& operator=(const DemotionLedger&) = delete;

  // The daemon. Nothing if the ledger is full.
  [[nodiscard]] std::optional<DemotionId> hold(const DemotedThread& demoted);
  // Another priority was given to the thread of an entry that is held: as in a boost, and after it.
  void set_applied(DemotionId id, const SchedAttr& applied);
  // Puts the thread back, unless somebody did already or it is another's by now; the guardian then looks for its offspring.
  void restore(DemotionId id);
  // The daemon lives: the guardian undoes all that is held when this has not come for kStale.
  void beat(std::uint64_t monotonic_ns);

  // Either. Puts back every thread that is held or half put back, and returns how many were.
  std::uint32_t restore_all();
  [[nodiscard]] std::uint32_t held() const;  // entries that are not free

 private:
  friend class GuardianDuty;
  struct File;
  shm::Fd fd_;
  File* file_;
  std::uint32_t next_ = 0;
};

}  // namespace pulsed::act
