// What the guardian does, in its own process: waits for the end of the daemon, and meanwhile for its standing still.
//
// After fork(2): allocates nothing, locks nothing, throws nothing.
#pragma once

#include <time.h>

#include <array>
#include <cstdint>

#include "daemon/act/demotion_ledger.h"
#include "daemon/act/offspring.h"

namespace pulsed::act {

class GuardianDuty {
 public:
  // In the child; `life` is its end of the socket whose other end the daemon alone has.
  [[noreturn]] static void serve(DemotionLedger& ledger, int life);

 private:
  GuardianDuty(DemotionLedger& ledger, int life);

  void run();
  [[nodiscard]] bool rest();
  [[nodiscard]] bool wait_until(std::uint64_t due_ns);
  [[nodiscard]] bool wait(const timespec* timeout);

  // What of this daemon's there is in the ledger.
  struct Survey {
    bool anything;
    bool held;
    bool left;
    std::uint64_t look_due_ns;  // the earliest
  };
  [[nodiscard]] Survey survey(std::uint64_t now_ns, bool daemon_gone);
  [[nodiscard]] std::uint64_t work(const Survey& survey);

  enum class What {
    kLeft,  // what no daemon asks for any more
    kHeld,  // and what the daemon holds, which stands still: the entries stay its own
    kAll,   // and nobody holds it any more, as the daemon has gone
  };
  void put_back(What what);
  void look_for_offspring();
  [[nodiscard]] bool look_after(std::uint32_t index, std::uint64_t now_ns);

  // When offspring of an entry is to be looked for again, and the word it had when that was decided.
  struct Look {
    std::uint32_t word;
    std::uint32_t times;  // that it is still looked at, if it is not held
    std::uint64_t due_ns;
    std::uint64_t give_up_ns;
  };

  DemotionLedger& ledger_;
  const int life_;
  OffspringSearch search_;
  std::uint32_t search_from_ = 0;  // the entry that comes first in the next round
  std::uint64_t search_due_ns_ = 0;
  std::uint64_t left_due_ns_ = 0;
  std::uint64_t undo_due_ns_ = 0;
  std::uint64_t undone_beat_ns_ = 0;  // the beat of the daemon after which all was put back
  std::array<Look, DemotionLedger::kCapacity> looks_{};
};

}  // namespace pulsed::act
