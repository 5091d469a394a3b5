// Which threads run at a priority that pulsed lowered, and how to put each back: written before a thread is touched, so that
// whoever is left can undo it.
//
// A file in the run directory, mapped by the daemon and by its guardian. The daemon that starts next finds there what a
// daemon and a guardian that died together left behind.
//
// An entry: FREE -> HELD (by the daemon, before the thread is touched) -> OFFSPRING (the thread is back; what it spawned
// meanwhile may have inherited the low priority, and the guardian looks for it) -> FREE (by the guardian). A thread that
// could not be put back, and whose daemon has ended or is done with it, is LEFT until a guardian could.
//
// Putting a thread back needs no lock and may be done twice: it is only touched while it is still that thread and its
// priority still the one that was given to it. So the guardian of a daemon that merely stands still puts threads back and
// leaves their entries HELD: wherever the daemon goes on, be it just before it lowers the thread, an entry covers it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/act/priority_swap.h"
#include "daemon/act/thread_priority.h"
#include "daemon/clocks/peer_thread.h"

namespace pulsed::act {

struct DemotedThread {
  clocks::PeerThread thread;
  SchedAttr before;                // to go back to
  SchedAttr applied;               // what it was given
  std::uint64_t since_boot_ticks;  // when, in clock ticks since boot, as /proc's starttime
};

// Names an entry until it is freed: index 12 | generation 20.
enum class DemotionId : std::uint32_t {};

class DemotionLedger {
 public:
  static constexpr std::uint32_t kCapacity = 4096;

  // Opens or makes the file; one that is not a sound ledger of this boot and pid namespace, or not ours alone, is replaced:
  // see replaced(). Throws std::runtime_error, with what to do, if it cannot be had. One daemon alone may hold it: the run
  // directory's lock sees to that.
  explicit DemotionLedger(const std::string& path);
  ~DemotionLedger();
  DemotionLedger(const DemotionLedger&) = delete;
  DemotionLedger& operator=(const DemotionLedger&) = delete;

  // Why the file that was there was replaced; empty if it was not.
  [[nodiscard]] const std::string& replaced() const { return replaced_; }

  // The daemon's thread alone. Nothing if the ledger is full, or `before` and `applied` are not of a demotion. Is a beat, too.
  [[nodiscard]] std::optional<DemotionId> hold(const DemotedThread& demoted);
  // What is held under it; nothing once it is restored.
  [[nodiscard]] std::optional<DemotedThread> find(DemotionId id) const;
  // Puts the thread back, unless it is another's by now; the guardian then looks for its offspring. False if that cannot be
  // done or told for now: the entry stays held, and `id` is good for another try.
  [[nodiscard]] bool restore(DemotionId id);
  // Nobody will ask for it to be restored any more: the guardian does it, as soon as it can.
  void leave(DemotionId id);
  // The thread was never touched.
  void withdraw(DemotionId id);
  // The daemon lives: the guardian undoes all that is held when this has not come for Guardian::kStale. CLOCK_MONOTONIC.
  void beat(std::uint64_t monotonic_ns);
  void beat();  // now

  struct Restored {
    std::uint32_t restored;
    std::uint32_t
        failed;  // lowered still: this daemon's guardian tries on, or else the next daemon
  };
  // Puts back every thread that is held, by whatever daemon. Entries become this daemon's, for its guardian to look for
  // offspring; of those that failed and are this daemon's own already, the ids stay good for another try.
  [[nodiscard]] Restored restore_all();
  [[nodiscard]] std::uint32_t held() const;  // entries that are not free
  // Threads that the guardian put back as the daemon stood still.
  [[nodiscard]] std::uint64_t undone_by_guardian() const;

 private:
  friend class Guardian;
  friend class GuardianDuty;
  friend class OffspringSearch;
  struct File;
  struct Vigil;

  [[nodiscard]] std::optional<std::uint32_t> free_entry();
  void reclaim(int looks);
  // Puts back the thread, or what it has become by execve(2): the first of its process.
  [[nodiscard]] Swap put_back(const DemotedThread& demoted) const;
  [[nodiscard]] std::optional<SchedAttr> own_after_exec(const DemotedThread& demoted) const;

  File* file_ = nullptr;
  Vigil* vigil_ = nullptr;
  std::uint64_t run_;  // names this daemon among all that use the file
  // Entries that were not free when last looked at: the guardian frees them, and reclaim() finds out, a few at a time.
  std::array<std::uint64_t, kCapacity / 64> taken_{};
  std::uint32_t reclaimed_ = 0;  // looked at up to here
  std::string replaced_;
};

}  // namespace pulsed::act
