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
#include "daemon/clocks/thread_stat.h"

namespace pulsed::act {

class OffspringSearch {
 public:
  // What a round may cost, at real-time priority, whatever a service does: looks of some 5 us, and time. A process of more
  // threads takes further rounds, each of which goes on where the last one stopped.
  static constexpr std::uint32_t kLooksARound = 128;
  static constexpr std::uint64_t kRoundNs = 1'000'000;
  static constexpr int kGenerations = 3;          // of processes below the demoted thread's
  static constexpr std::uint32_t kChildren = 64;  // the youngest of a thread

  explicit OffspringSearch(const DemotionLedger& ledger) : ledger_(ledger) {}

  void begin_round();
  // False if it did not get through within the round, or began before `since_ns` (CLOCK_MONOTONIC): look again.
  [[nodiscard]] bool look(const DemotedThread& parent, std::uint64_t since_ns);
  // The round has cost what it may: every further look returns at once.
  [[nodiscard]] bool exhausted() const { return exhausted_; }

 private:
  // A thread that was looked at and is nobody's offspring, or not any more, by its number and the inode that /proc gave it,
  // which a thread that reuses the number does not have.
  struct Known {
    std::uint64_t inode;
    std::uint64_t start_time;
    pid_t tid;
  };
  static constexpr std::size_t kKnown = 8192;

  // Whose offspring is looked for: of all demoted threads of a process in its threads, of one in its processes.
  struct Roots {
    pid_t pid;
    pid_t tid;  // 0: of all
  };
  // The threads of one process, or the processes of one thread: gone through once a round, for all entries of its roots.
  struct Scan {
    Roots roots;
    pid_t pid;
    std::uint32_t round;  // the last one in which it was gone through, or begun
    bool complete;
    std::uint64_t began_ns;
    std::size_t resume;  // a place in the list of threads: those before it are to be looked at
    [[nodiscard]] bool covers(std::uint64_t since_ns) const {
      return complete && began_ns >= since_ns;
    }
  };
  static constexpr std::size_t kScans = 256;

  // A thread of this daemon's that is or was demoted.
  struct Parent {
    std::uint64_t since_boot_ticks;
    pid_t pid;
    pid_t tid;
    std::uint32_t index;
    std::uint32_t policy;
    std::int32_t nice;
  };
  struct Given {
    std::uint32_t policy;
    std::int32_t nice;
  };
  static constexpr std::size_t kGiven = 64;  // more than there are

  [[nodiscard]] bool spend(std::uint32_t looks);
  // Null if there is no room in this round.
  [[nodiscard]] Scan* scan_of(const Roots& roots, pid_t pid);
  [[nodiscard]] bool begin(Scan& scan);
  [[nodiscard]] std::uint64_t earliest(const Roots& roots) const;

  bool look_at_threads(const Roots& roots, pid_t pid, int generation, std::uint64_t since_ns);
  bool go_through_threads(Scan& scan, int generation);
  // When it began; nothing if it has gone, or the round is exhausted.
  std::optional<std::uint64_t> look_at_thread(const Roots& roots, pid_t pid, pid_t tid,
                                              std::uint64_t inode);
  bool look_at_children(const Roots& roots, pid_t pid, pid_t tid, int generation,
                        std::uint64_t since_ns);
  [[nodiscard]] std::optional<DemotedThread> parent_of(const Roots& roots, pid_t pid,
                                                       const clocks::ThreadStat& stat) const;
  [[nodiscard]] bool was_given(const clocks::ThreadStat& stat) const;
  [[nodiscard]] Known& known(pid_t tid) { return known_[static_cast<std::size_t>(tid) % kKnown]; }

  const DemotionLedger& ledger_;
  std::uint32_t looks_left_ = 0;
  std::uint64_t end_ns_ = 0;
  bool exhausted_ = false;
  std::uint32_t round_ = 0;
  std::size_t parents_count_ = 0;
  std::size_t given_count_ = 0;
  std::array<Parent, DemotionLedger::kCapacity> parents_{};
  std::array<Given, kGiven> given_{};
  std::array<Scan, kScans> scans_{};
  std::array<Known, kKnown> known_{};
};

}  // namespace pulsed::act
