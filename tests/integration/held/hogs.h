// Polls that hold their workers: without an end, in chains, and holding a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "tests/integration/held/own_time.h"
#include "tests/integration/held/run_loop.h"

namespace pulsed::test {

// What each poll of a chain does.
enum class ChainWork {
  kBurn,  // CPU time, between the bounds
  kIo     // waits as long in read(2)
};

struct Chain {
  std::uint16_t cls;
  ChainWork work;
  microseconds least;
  microseconds most;
};

class Hogs {
 public:
  explicit Hogs(RunLoop& loop) : loop_(loop) {}
  ~Hogs() { end(); }

  // One poll that burns until end(), if wanted on a spare worker too.
  void endless(std::uint16_t cls, bool anywhere = false);
  // A poll after whose end comes the next, in the same queue, until end().
  void chain(const Chain& chain, unsigned seed);
  // Returns when no poll of these is left.
  void end();

  // A poll that takes the lock, burns so much with it in its hand, and gives it back. Returns when it has, how long it held
  // the lock.
  microseconds hold(std::mutex& lock, std::uint16_t cls, microseconds cpu);

  [[nodiscard]] std::uint64_t polls() const { return polls_.load(); }
  // Polls of hold() whose thread was at a lower priority when they gave the lock back.
  [[nodiscard]] std::uint64_t held_lowered() const { return held_lowered_.load(); }
  // The priority that the last endless poll found its thread at, since it began.
  [[nodiscard]] OsPriority last_seen() const;

 private:
  void go_on(const Chain& chain, std::uint64_t random, std::uint64_t round);

  RunLoop& loop_;
  std::atomic<std::uint64_t> round_{0};
  std::atomic<unsigned> running_{0};
  std::atomic<std::uint64_t> polls_{0};
  std::atomic<std::uint64_t> held_lowered_{0};
  mutable std::mutex mutex_;
  OsPriority last_seen_;
};

}  // namespace pulsed::test
