// The loops of the suites that measure the per-poll path: polls with nothing in them, and what they are held against.
#pragma once

#include <pulsed/shim.h>

#include <cstdint>
#include <vector>

#include "tests/bench/interleaved.h"

namespace pulsed::bench {

// A turn: they fit the ring, so that no sample is dropped.
inline constexpr std::uint64_t kPolls = 8192;
inline constexpr char kTwoReads[] = "two bare TSC reads";

// Goes through the tasks, a stretch each turn.
class Walk {
 public:
  explicit Walk(const std::vector<pulsed_task>& tasks) : tasks_(tasks) {}
  template <typename F>
  void over(std::uint64_t count, F&& f) {
    for (std::uint64_t i = 0; i < count; ++i) {
      f(tasks_[at_]);
      if (++at_ == tasks_.size()) at_ = 0;
    }
  }

 private:
  const std::vector<pulsed_task>& tasks_;
  std::size_t at_ = 0;
};

inline void two_reads(pulsed_task task) {
  keep(task.ref);
  keep(pulsed_now());
  keep(pulsed_now());
}

inline void poll(pulsed_task task) {
  pulsed_poll_begin(task);
  keep();
  pulsed_poll_end();
}

// `count` polls that follow each other, and the end of the last: as many samples.
inline void polls_in_a_row(Walk& walk, std::uint64_t count) {
  walk.over(count, [](pulsed_task task) {
    pulsed_poll_next(task);
    keep();
  });
  pulsed_poll_end();
}

}  // namespace pulsed::bench
