// Records by index, in chunks that never move: growing copies nothing, and an index lives until it
// is released.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace pulsed::policy {

template <typename Record>
class RecordPool {
 public:
  // The record is as its last holder left it: the caller sets it up.
  [[nodiscard]] std::uint32_t acquire() {
    if (free_.empty()) grow();
    const std::uint32_t i = free_.back();
    free_.pop_back();
    return i;
  }

  void release(std::uint32_t i) {
    free_.push_back(i);
    if (in_use() == 0 && chunks_.size() > 1) shrink();
  }

  [[nodiscard]] Record& at(std::uint32_t i) { return (*chunks_[i / kChunk])[i % kChunk]; }
  [[nodiscard]] const Record& at(std::uint32_t i) const {
    return (*chunks_[i / kChunk])[i % kChunk];
  }

  [[nodiscard]] std::uint32_t size() const {
    return static_cast<std::uint32_t>(chunks_.size()) * kChunk;
  }
  [[nodiscard]] std::uint32_t in_use() const {
    return size() - static_cast<std::uint32_t>(free_.size());
  }
  [[nodiscard]] std::size_t bytes() const {
    return chunks_.size() * sizeof(Chunk) + free_.capacity() * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::uint32_t kChunk = 64;
  using Chunk = std::array<Record, kChunk>;

  void grow() {
    const std::uint32_t first = size();
    chunks_.push_back(std::make_unique<Chunk>());
    // Room for every index, so that a release never allocates.
    if (free_.capacity() < size()) free_.reserve(std::size_t{2} * size());
    for (std::uint32_t i = first + kChunk; i-- > first;) free_.push_back(i);
  }

  // Gives a storm's memory back, but keeps a chunk: one offender coming and going allocates
  // nothing.
  void shrink() {
    chunks_.resize(1);
    free_.clear();
    free_.shrink_to_fit();
    free_.reserve(2 * kChunk);
    for (std::uint32_t i = kChunk; i-- > 0;) free_.push_back(i);
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::uint32_t> free_;
};

}  // namespace pulsed::policy
