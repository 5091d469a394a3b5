#include "tests/bench/instructions/drain.h"

#include <stdexcept>

#include "tests/bench/instructions/compiler.h"

namespace pulsed::bench {

FilledRing::FilledRing() {
  for (std::uint16_t id = 1; id <= kClasses; ++id) {
    hand_.add_class(id, "class " + std::to_string(id));
  }
  hand_.add_worker(0);
}

// Of 20 us each: far from a border of the histogram, which a calibration of the clock that came out otherwise might
// cross.
void FilledRing::fill(std::uint32_t samples) {
  for (std::uint32_t i = 0; i < samples; ++i) {
    const std::uint32_t task = next_++ % kTasks;
    hand_.push_exact(0, task + 1, 1, static_cast<std::uint16_t>(1 + task % kClasses),
                     std::chrono::microseconds(20));
  }
  filled_ += samples;
}

void FilledRing::drain_and_decide() {
  drained_ += hand_.tick().samples;
  hand_.service().tiers.tick(hand_.now());
  hand_.service().tiers.clear_changes();
}

void FilledRing::check() {
  if (drained_ != filled_ || hand_.service().rejected_records != 0) {
    throw std::logic_error("the collector did not take what it was given");
  }
}

const char* FilledRing::compiler() { return kCompiler; }

}  // namespace pulsed::bench
