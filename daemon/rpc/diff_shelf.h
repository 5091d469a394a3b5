// Diffs of revisions against those before them, kept once made: revisions never change, and anybody may ask.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "daemon/revisions/revision_store.h"

namespace pulsed::rpc {

// Thread-safe. Bounded by what the store keeps.
class DiffShelf {
 public:
  [[nodiscard]] std::string diff(const revisions::Revision& from, const revisions::Revision& to) {
    const std::lock_guard lock(mutex_);
    if (const auto kept = diffs_.find(to.number); kept != diffs_.end()) return kept->second;
    std::string made = revisions::diff(from.policy, to.policy, name(from), name(to));
    diffs_.emplace(to.number, made);
    // It may be the one just made: of a revision that was found before a hundred others came.
    if (diffs_.size() > revisions::RevisionStore::kKept) diffs_.erase(diffs_.begin());
    return made;
  }

 private:
  static std::string name(const revisions::Revision& revision) {
    return "revision " + std::to_string(revision.number);
  }

  std::mutex mutex_;
  std::map<std::uint64_t, std::string> diffs_;
};

}  // namespace pulsed::rpc
