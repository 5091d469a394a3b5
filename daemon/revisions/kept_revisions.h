// The revisions that are kept, in memory, for whoever reads them. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/revisions/revision_store.h"

namespace pulsed::revisions {

class KeptRevisions {
 public:
  KeptRevisions();

  // In ascending order of their numbers; beyond RevisionStore::kKept the oldest goes.
  void add(RevisionPtr revision);

  // As RevisionStore has them.
  [[nodiscard]] RevisionPtr current() const;
  [[nodiscard]] RevisionPtr find(std::uint64_t number) const;
  [[nodiscard]] std::vector<RevisionPtr> list(std::uint64_t before, std::size_t most) const;
  bool wait(std::uint64_t number, std::chrono::milliseconds patience) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable added_;
  std::deque<RevisionPtr> revisions_;  // oldest first
  RevisionPtr current_;                // the newest; number 0 while there is none
};

}  // namespace pulsed::revisions
