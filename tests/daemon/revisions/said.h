// What a store had to say.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "daemon/revisions/revision_store.h"

namespace pulsed::test {

class Said {
 public:
  [[nodiscard]] revisions::Log log() {
    return [this](revisions::Gravity gravity, const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(gravity, line);
    };
  }
  [[nodiscard]] std::size_t count(revisions::Gravity gravity, const std::string& part) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(lines_.begin(), lines_.end(), [&](const auto& line) {
          return line.first == gravity && line.second.find(part) != std::string::npos;
        }));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<revisions::Gravity, std::string>> lines_;
};

}  // namespace pulsed::test
