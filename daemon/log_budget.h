// Bounds the lines that peers can cause in the log: so many a second, and the next one says how many were left out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "daemon/policy/types.h"

namespace pulsed {

class LogBudget {
 public:
  static constexpr std::uint32_t kLinesASecond = 10;

  // May a line be written now? If not it is counted.
  [[nodiscard]] bool take(policy::Time now) {
    if (now - since_ >= std::chrono::seconds{1}) {
      since_ = now;
      used_ = 0;
    }
    if (used_ < kLinesASecond) {
      ++used_;
      return true;
    }
    ++left_out_;
    return false;
  }
  // What to append to the line that may be written: how many were left out since the last one, or nothing.
  [[nodiscard]] std::string left_out() {
    const std::uint64_t n = std::exchange(left_out_, 0);
    return n == 0 ? "" : " (and " + std::to_string(n) + " such lines left out)";
  }

 private:
  policy::Time since_{};
  std::uint32_t used_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace pulsed
