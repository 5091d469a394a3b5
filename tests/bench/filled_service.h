// A service with full rings, as one core of the daemon finds it: sound polls, to be taken out and decided on.
#pragma once

#include <array>
#include <cstdint>
#include <random>

#include "tests/support/attached_by_hand.h"

namespace pulsed::bench {

struct Shape {
  std::uint32_t rings = 1;
  std::uint32_t tasks = 4096;  // that are polled, in random order
  std::uint32_t resting = 0;   // further slots, whose tasks are never polled
  bool resting_open = true;    // there are such tasks
  bool scattered =
      false;  // the polled ones lie evenly among those slots, and not in one stretch behind them
  std::uint16_t classes = 8;
};

class FilledService {
 public:
  static constexpr std::uint32_t kSamples = 16'384;  // a turn, over all rings

  explicit FilledService(const Shape& shape);

  void fill();  // a millisecond later
  void drain_and_decide();
  // The least that anyone must do who looks at every sample.
  void copy_out();
  // Anything that should not have happened to samples as sound as these.
  [[nodiscard]] bool spoilt();

 private:
  [[nodiscard]] std::uint32_t slot(std::uint32_t task) const;
  [[nodiscard]] bool polled(std::uint32_t slot) const;
  [[nodiscard]] std::uint64_t reference(std::uint32_t slot, std::uint32_t number,
                                        std::uint64_t kind) const;
  void open_tasks();
  void open(std::uint64_t reference);

  Shape shape_;
  std::uint32_t ring_;  // samples
  std::uint32_t stride_;
  test::AttachedByHand hand_;
  std::array<std::uint64_t, 64> walls_{};  // ticks
  std::uint32_t opened_ = 0;
  std::minstd_rand random_{1};
};

}  // namespace pulsed::bench
