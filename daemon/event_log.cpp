#include "daemon/event_log.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

namespace pulsed {
namespace {

std::uint64_t random_epoch() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

EventLog::EventLog() : epoch_(random_epoch()) {}

void EventLog::append(std::vector<Event>& events) {
  if (events.empty()) return;
  if (events.size() > kKept) {
    const auto excess = events.size() - kKept;
    events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(excess));
    lost_ += excess;
    lost_in_all_ += excess;
  }
  {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    // Numbers of their own for those that were lost, so that readers notice.
    if (lost_ != 0) events_.clear();
    last_ += std::exchange(lost_, 0);
    for (Event& event : events) {
      event.sequence = ++last_;
      events_.push_back(std::make_shared<const Event>(std::move(event)));
    }
    if (events_.size() > kKept) {
      events_.erase(events_.begin(), events_.end() - static_cast<std::ptrdiff_t>(kKept));
    }
  }
  events.clear();
  appended_.notify_all();
}

std::uint64_t EventLog::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::optional<std::vector<Event>> EventLog::after(std::uint64_t sequence, std::size_t most) const {
  // Copied outside of the lock: the loop finds it free.
  std::vector<std::shared_ptr<const Event>> found;
  {
    const std::lock_guard lock(mutex_);
    if (sequence > last_ || last_ - sequence > events_.size()) return std::nullopt;
    const auto first = events_.end() - static_cast<std::ptrdiff_t>(last_ - sequence);
    const auto count = std::min<std::size_t>(most, last_ - sequence);
    found.assign(first, first + static_cast<std::ptrdiff_t>(count));
  }
  std::vector<Event> events;
  events.reserve(found.size());
  for (const auto& event : found) events.push_back(*event);
  return events;
}

bool EventLog::wait(std::uint64_t sequence, std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  return appended_.wait_for(lock, patience, [&] { return last_ > sequence; });
}

}  // namespace pulsed
