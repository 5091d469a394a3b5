// Which element of an array to look at next, where a walk over all of it is cut into parts and the array grows meanwhile.
//
// A walk that is begun anew goes on from where it is: however often that happens, each element has its turn.
#pragma once

#include <cstddef>

namespace pulsed::act {

class Round {
 public:
  void restart(std::size_t size) { left_ = size_ = size; }
  [[nodiscard]] bool ended() const { return left_ == 0; }

  // Only if it has not ended. The array never shrinks.
  [[nodiscard]] std::size_t next(std::size_t size) {
    // Those that came may lie between others that are still to be passed.
    left_ += size - size_;
    size_ = size;
    if (next_ >= size) next_ = 0;
    --left_;
    return next_++;
  }

 private:
  std::size_t next_ = 0;
  std::size_t left_ = 0;  // to be passed
  std::size_t size_ = 0;  // when last asked
};

}  // namespace pulsed::act
