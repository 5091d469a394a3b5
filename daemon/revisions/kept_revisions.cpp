#include "daemon/revisions/kept_revisions.h"

#include <algorithm>
#include <utility>

namespace pulsed::revisions {
namespace {

bool is_before(const RevisionPtr& revision, std::uint64_t number) {
  return revision->number < number;
}

}  // namespace

KeptRevisions::KeptRevisions() : current_(std::make_shared<const Revision>()) {}

void KeptRevisions::add(RevisionPtr revision) {
  {
    const std::lock_guard lock(mutex_);
    current_ = revision;
    revisions_.push_back(std::move(revision));
    if (revisions_.size() > RevisionStore::kKept) revisions_.pop_front();
  }
  added_.notify_all();
}

RevisionPtr KeptRevisions::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

RevisionPtr KeptRevisions::find(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto at = std::lower_bound(revisions_.begin(), revisions_.end(), number, is_before);
  return at != revisions_.end() && (*at)->number == number ? *at : nullptr;
}

std::vector<RevisionPtr> KeptRevisions::list(std::uint64_t before, std::size_t most) const {
  const std::lock_guard lock(mutex_);
  const auto end = before == 0
                       ? revisions_.end()
                       : std::lower_bound(revisions_.begin(), revisions_.end(), before, is_before);
  const auto count = std::min(most, static_cast<std::size_t>(end - revisions_.begin()));
  const auto newest = std::make_reverse_iterator(end);
  return {newest, newest + static_cast<std::ptrdiff_t>(count)};
}

bool KeptRevisions::wait(std::uint64_t number, std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  return added_.wait_for(lock, patience, [&] { return current_->number != number; });
}

}  // namespace pulsed::revisions
