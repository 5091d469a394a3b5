#include "daemon/rpc/watch_bell.h"

#include <pthread.h>

#include <utility>

namespace pulsed::rpc {

void WatchBell::start() {
  thread_ = std::thread([this] { run(); });
}

WatchBell::Sleepers WatchBell::all() {
  const std::lock_guard lock(mutex_);
  return sleepers_;
}

void WatchBell::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  for (const auto& sleeper : all()) sleeper->close();
}

void WatchBell::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void WatchBell::add(const std::shared_ptr<Sleeper>& sleeper) {
  bool closed = false;
  {
    const std::lock_guard lock(mutex_);
    sleepers_.insert(sleeper);
    closed = closed_;
  }
  if (closed) sleeper->close();
  // What came between its first look and now is found by this, too.
  if (!sleeper->wake()) remove(sleeper);
}

void WatchBell::remove(const std::shared_ptr<Sleeper>& sleeper) {
  const std::lock_guard lock(mutex_);
  sleepers_.erase(sleeper);
}

void WatchBell::run() {
  ::pthread_setname_np(::pthread_self(), thread_name_.c_str());
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    wait_(kLongest);
    for (const auto& sleeper : all()) {
      if (!sleeper->wake()) remove(sleeper);
    }
  }
}

}  // namespace pulsed::rpc
