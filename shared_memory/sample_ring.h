// The collector's end of a sample ring. The writer's end is pulsed_push in <pulsed/hot.h>.
//
//        read (D, ours)          write (worker line, theirs)
//          ▼                       ▼
//   ┌──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┬──┐   one producer, one consumer; indices only grow, and are masked;
//   │  │  │s │s │s │s │s │s │s │  │  │  │   a full ring drops the new sample and counts it.
//   └──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┴──┘
//
// The write index and the samples are hostile: the index is loaded once and checked against the capacity; each sample is
// copied out before anyone looks at it.
#pragma once

#include <cstdint>

#include "shared_memory/abi.h"

namespace pulsed::shm {

class RingReader {
 public:
  RingReader() = default;
  // Begins at the writer's index: what was written before is not ours to judge. Of segments that nobody else has read,
  // rewind() takes it from the first sample.
  RingReader(const pulsed_sample* samples, std::uint32_t capacity, const std::uint64_t* write,
             std::uint64_t* read)
      : samples_(samples), write_(write), read_(read), capacity_(capacity) {
    next_ = __atomic_load_n(write_, __ATOMIC_ACQUIRE);
    __atomic_store_n(read_, next_, __ATOMIC_RELEASE);
  }

  // Calls consume(pulsed_sample) for at most `most` samples. False if the write index is nonsense: then everything up to it
  // is skipped.
  template <typename Consume>
  [[nodiscard]] bool drain(std::uint32_t most, Consume&& consume) {
    return drain_until(written(), most, consume);
  }

  // The writer's index. acquire: pairs with the worker's release of `write`, so that the samples below it are whole, and
  // whatever they speak of can be seen.
  [[nodiscard]] std::uint64_t written() const { return __atomic_load_n(write_, __ATOMIC_ACQUIRE); }

  // The same up to an index that written() gave earlier.
  template <typename Consume>
  [[nodiscard]] bool drain_until(std::uint64_t write, std::uint32_t most, Consume&& consume) {
    const std::uint64_t waiting = write - next_;
    if (waiting == 0) return true;
    if (waiting > capacity_) {
      skip_to(write);
      return false;
    }
    const std::uint64_t end = next_ + (waiting < most ? waiting : most);
    const std::uint64_t mask = capacity_ - 1;
    for (std::uint64_t i = next_; i != end; ++i) {
      const pulsed_sample& shared = samples_[i & mask];
      consume(pulsed_sample{__atomic_load_n(&shared.ref, __ATOMIC_RELAXED),
                            __atomic_load_n(&shared.span, __ATOMIC_RELAXED)});
    }
    skip_to(end);
    return true;
  }

  void rewind() { skip_to(0); }

  // Discards what waits, and says how many samples that was (at most the capacity).
  std::uint64_t discard() {
    const std::uint64_t write = written();
    const std::uint64_t waiting = write - next_;
    skip_to(write);
    return waiting < capacity_ ? waiting : capacity_;
  }

  [[nodiscard]] std::uint64_t next() const { return next_; }

 private:
  void skip_to(std::uint64_t index) {
    next_ = index;
    // release: the copies above come first; pairs with the worker's acquire in pulsed_push_slow.
    __atomic_store_n(read_, index, __ATOMIC_RELEASE);
  }

  const pulsed_sample* samples_ = nullptr;
  const std::uint64_t* write_ = nullptr;
  std::uint64_t* read_ = nullptr;
  std::uint64_t next_ = 0;  // our private copy of *read_
  std::uint32_t capacity_ = 0;
};

}  // namespace pulsed::shm
