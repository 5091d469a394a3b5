#include "deploy/demo/connection_registry.h"

#include <sys/socket.h>

namespace pulsed::demo {

ConnectionRegistry::Entry::Entry(ConnectionRegistry& registry, int fd)
    : registry_(registry), fd_(fd) {
  const std::lock_guard lock(registry_.mutex_);
  position_ = registry_.entries_.insert(registry_.entries_.end(), this);
}

ConnectionRegistry::Entry::~Entry() {
  const std::lock_guard lock(registry_.mutex_);
  registry_.entries_.erase(position_);
}

void ConnectionRegistry::Entry::expect_within(std::chrono::milliseconds timeout) {
  deadline_.store((Clock::now() + timeout).time_since_epoch().count(), std::memory_order_relaxed);
}

void ConnectionRegistry::Entry::expect_nothing() {
  deadline_.store(Clock::time_point::max().time_since_epoch().count(), std::memory_order_relaxed);
}

std::size_t ConnectionRegistry::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void ConnectionRegistry::shut_down_expired(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (const Entry* entry : entries_) {
    if (entry->deadline_.load(std::memory_order_relaxed) < now.time_since_epoch().count()) {
      ::shutdown(entry->fd_, SHUT_RDWR);
    }
  }
}

void ConnectionRegistry::stop_reading() {
  const std::lock_guard lock(mutex_);
  for (const Entry* entry : entries_) ::shutdown(entry->fd_, SHUT_RD);
}

}  // namespace pulsed::demo
