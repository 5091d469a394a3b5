// A place that is taken for as long as it lives. One thread.
#pragma once

#include <cstddef>
#include <utility>

namespace pulsed::http {

class Counted {
 public:
  Counted(std::size_t& count, std::size_t by) : count_(&count), by_(by) { *count_ += by_; }
  Counted(Counted&& other) noexcept : count_(other.count_), by_(std::exchange(other.by_, 0)) {}
  Counted& operator=(Counted&&) = delete;
  ~Counted() { *count_ -= by_; }

 private:
  std::size_t* count_;
  std::size_t by_;
};

}  // namespace pulsed::http
