#include "daemon/rpc/change_line.h"

#include <utility>
#include <vector>

namespace pulsed::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;
using revisions::Refusal;

// A file imported in between makes a change stale that was worked out before it; that is rare.
constexpr int kMostAttempts = 8;

Status status_of(const revisions::Refused& refused) {
  switch (refused.refusal) {
    case Refusal::kStale:
      return {StatusCode::ABORTED, refused.why};
    case Refusal::kNotStored:
      return {StatusCode::UNAVAILABLE, refused.why};
    case Refusal::kStopping:
      return {StatusCode::UNAVAILABLE, "pulsed is stopping; nothing was changed"};
  }
  return {StatusCode::INTERNAL, refused.why};
}

}  // namespace

bool ChangeLine::answer(const EntryPtr& entry, const Stored& stored) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(entry->answered, true)) return false;
  }
  entry->request.done(stored);
  return true;
}

void ChangeLine::add(Request request) {
  auto entry = std::make_shared<Entry>(Entry{std::move(request), Clock::now() + limit_});
  Status refused;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      refused = {StatusCode::UNAVAILABLE, "pulsed is stopping; nothing was changed"};
    } else if (waiting_.size() >= kMostWaiting) {
      refused = {StatusCode::RESOURCE_EXHAUSTED, "too many changes wait; nothing was changed"};
    } else {
      waiting_.push_back(entry);
    }
  }
  if (refused.ok()) return go_on();
  answer(entry, refused);
}

// Begins those that wait until one is on its way to the disk.
void ChangeLine::go_on() {
  while (true) {
    EntryPtr entry;
    {
      const std::lock_guard lock(mutex_);
      if (current_ || waiting_.empty()) return;
      entry = current_ = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (begin(entry)) return;
    const std::lock_guard lock(mutex_);
    current_.reset();
  }
}

// False: it needs nothing of the store, and was answered.
bool ChangeLine::begin(const EntryPtr& entry) {
  const revisions::RevisionPtr in_force = store_.current();
  auto worked_out = entry->request.work_out(*in_force);
  if (auto* refused = std::get_if<Status>(&worked_out)) {
    answer(entry, *refused);
    return false;
  }
  auto& change = std::get<revisions::Change>(worked_out);
  change.expected = in_force->number;
  ++entry->attempts;
  store_.commit(std::move(change), [self = shared_from_this(), entry](const auto& outcome) {
    self->on_outcome(entry, outcome);
  });
  return true;
}

void ChangeLine::on_outcome(const EntryPtr& entry,
                            const revisions::RevisionStore::Outcome& outcome) {
  if (const auto* refused = std::get_if<revisions::Refused>(&outcome)) {
    if (refused->refusal == Refusal::kStale && entry->attempts < kMostAttempts && begin(entry))
      return;
    answer(entry, status_of(*refused));
  } else {
    const auto& revision = std::get<revisions::RevisionPtr>(outcome);
    const bool in_time = answer(entry, revision);
    if (!in_time && entry->request.stored_late) entry->request.stored_late(revision);
  }
  {
    const std::lock_guard lock(mutex_);
    current_.reset();
  }
  go_on();
}

void ChangeLine::look_at(Clock::time_point now) {
  std::vector<EntryPtr> late;
  EntryPtr current;
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && waiting_.front()->until <= now) {
      late.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    if (current_ && current_->until <= now) current = current_;
  }
  for (const EntryPtr& entry : late) {
    answer(entry, Status(StatusCode::DEADLINE_EXCEEDED,
                         "changes before it took too long to be stored; nothing was changed"));
  }
  if (!current) return;
  answer(current, Status(StatusCode::DEADLINE_EXCEEDED,
                         "it takes too long to be stored; it may still come to be in force"));
}

void ChangeLine::close() {
  std::deque<EntryPtr> waiting;
  EntryPtr current;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting = std::exchange(waiting_, {});
    current = current_;
  }
  for (const EntryPtr& entry : waiting) {
    answer(entry, Status(StatusCode::UNAVAILABLE, "pulsed is stopping; nothing was changed"));
  }
  if (!current) return;
  answer(current,
         Status(StatusCode::UNAVAILABLE, "pulsed is stopping; the change may come to be in force"));
}

}  // namespace pulsed::rpc
