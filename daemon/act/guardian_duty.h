// What the guardian does, in its own process: waits for the end of the daemon, and meanwhile for its standing still.
//
// After fork(2): allocates nothing, locks nothing, throws nothing.
#pragma once

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
  [[nodiscard]] bool wait(int timeout_ms);
  [[nodiscard]] bool anything_ours();
  enum class What {
    kLeft,  // what no daemon asks for any more
    kHeld,  // and what the daemon holds, which stands still: the entries stay its own
    kAll,   // and nobody holds it any more, as the daemon has gone
  };
  void put_back(What what);
  void look_for_offspring(bool daemon_gone);
  void look_after(std::uint32_t index, std::uint64_t now_ns, bool daemon_gone);

  // When an entry is to be looked at again, and the word it had when that was decided.
  struct Look {
    std::uint32_t word;
    std::uint32_t times;  // that it is still looked at, if it is not held
    std::uint64_t due_ns;
    std::uint64_t give_up_ns;
  };

  DemotionLedger& ledger_;
  const int life_;
  OffspringSearch search_;
  std::array<Look, DemotionLedger::kCapacity> looks_{};
};

}  // namespace pulsed::act
