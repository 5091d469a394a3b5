#include "daemon/rpc/reading_desk.h"

#include <pthread.h>

#include <utility>

namespace pulsed::rpc {
namespace {

bool includes(ReadingDesk::Need need, ReadingDesk::Need one) {
  return (static_cast<unsigned>(need) & static_cast<unsigned>(one)) != 0;
}

}  // namespace

void ReadingDesk::start() {
  thread_ = std::thread([this] { run(); });
}

void ReadingDesk::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool ReadingDesk::ask(Need need, Use use) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      if (waiting_.size() >= kMostWaiting) return false;
      waiting_.push_back({need, std::move(use)});
      use = nullptr;
    }
  }
  if (use) {
    use({});
  } else {
    changed_.notify_one();
  }
  return true;
}

Picture ReadingDesk::picture_for(const std::vector<Waiting>& batch) {
  bool snapshot = false;
  bool details = false;
  for (const Waiting& one : batch) {
    snapshot = snapshot || includes(one.need, Need::kSnapshot);
    details = details || includes(one.need, Need::kDetails);
  }
  const std::chrono::milliseconds patience = snapshots_.worth_waiting(patience_);
  return {snapshot ? snapshots_.fresh(patience) : nullptr,
          details ? details_.details(patience) : nullptr};
}

void ReadingDesk::run() {
  ::pthread_setname_np(::pthread_self(), "pulsed-api-read");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    const std::vector<Waiting> batch = std::exchange(waiting_, {});
    const bool last = stopping_;
    lock.unlock();
    const Picture picture = last ? Picture{} : picture_for(batch);
    for (const Waiting& one : batch) one.use(picture);
    if (last) return;
    lock.lock();
  }
}

}  // namespace pulsed::rpc
