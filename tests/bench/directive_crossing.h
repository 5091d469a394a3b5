// From one CPU to another: how long after the daemon's code set a yield the polling worker sees it. Two threads of this
// process, pinned to two CPUs, of which one is the daemon; both read the same clock.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace pulsed::bench {

// A session, whose one worker is the thread that makes this, and the daemon's end of it. Throws std::runtime_error if it
// cannot be had.
class DirectiveCrossing {
 public:
  DirectiveCrossing();
  ~DirectiveCrossing();
  DirectiveCrossing(const DirectiveCrossing&) = delete;
  DirectiveCrossing& operator=(const DirectiveCrossing&) = delete;

  // So many polls, each asked once: nanoseconds until should_yield() was true.
  [[nodiscard]] std::vector<double> directives(std::size_t polls);
  // The same of bare stores, to a thread that does nothing but load.
  [[nodiscard]] std::vector<double> bare_stores(std::size_t stores);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pulsed::bench
