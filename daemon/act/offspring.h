// Finds what a demoted thread spawned, and gives it the priority it would have had without the demotion.
//
// Threads and processes inherit a nice value (RESET_ON_FORK resets only priorities above the ordinary), and nobody but the
// guardian would raise it again. Taken for offspring is: a thread of the process that began after the demotion and runs at
// exactly the priority given, without RESET_ON_FORK; and so the threads of processes that the demoted thread forked, and
// of their children. Not found: a process whose parent ended before it was looked for, and children where the kernel has
// no /proc/<pid>/task/<tid>/children. In error: a thread that chose exactly that priority itself, in that time.
//
// Allocates and locks nothing.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "daemon/act/demotion_ledger.h"
#include "daemon/act/thread_stat.h"

namespace pulsed::act {

class OffspringSearch {
 public:
  // Threads looked at in a round; a process of more takes further rounds. Some 5 us each, at real-time priority.
  static constexpr std::uint32_t kLooksARound = 128;
  static constexpr int kGenerations = 3;          // of processes below the demoted thread's
  static constexpr std::uint32_t kChildren = 64;  // the youngest of a thread

  explicit OffspringSearch(const DemotionLedger& ledger) : ledger_(ledger) {}

  void begin_round() {
    looks_left_ = kLooksARound;
    scans_ = 0;
  }
  // False if it did not get through within the round: look again.
  bool look(const DemotedThread& parent);

 private:
  // A thread that was looked at and runs at no priority that was given to any, by its number and the inode that /proc gave
  // it, which a thread that reuses the number does not have.
  struct Known {
    std::uint64_t inode;
    std::uint64_t start_time;
    pid_t tid;
  };
  static constexpr std::size_t kKnown = 8192;
  // Threads of a process that were gone through in this round, back to those that began at `since`.
  struct Scan {
    pid_t pid;
    std::uint64_t since;
  };
  static constexpr std::size_t kScans = 32;

  [[nodiscard]] bool was_scanned(const DemotedThread& parent) const;
  bool look_at_threads(const DemotedThread& parent, pid_t pid, int generation);
  // When it began; nothing if it has gone, or the round's looks are used up.
  std::optional<std::uint64_t> look_at_thread(const DemotedThread& parent, pid_t pid, pid_t tid,
                                              std::uint64_t inode);
  [[nodiscard]] const DemotedThread* parent_of(const DemotedThread& first, pid_t pid,
                                               const ThreadStat& stat) const;
  bool look_at_children(const DemotedThread& parent, pid_t pid, pid_t tid, int generation);
  [[nodiscard]] bool was_given(const ThreadStat& stat) const;
  [[nodiscard]] Known& known(pid_t tid) { return known_[static_cast<std::size_t>(tid) % kKnown]; }

  const DemotionLedger& ledger_;
  std::uint32_t looks_left_ = 0;
  std::size_t scans_ = 0;
  std::array<Scan, kScans> scanned_{};
  std::array<Known, kKnown> known_{};
};

}  // namespace pulsed::act
