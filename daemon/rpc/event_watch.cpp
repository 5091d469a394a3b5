#include "daemon/rpc/event_watch.h"

#include <iterator>

#include "daemon/rpc/event_message.h"

namespace pulsed::rpc {
namespace {

grpc::Status fell_behind() {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED,
          "this reader fell behind what is kept; read faster, or filter, and watch anew"};
}

}  // namespace

EventWatch::Next EventWatch::next(v1::WatchEventsResponse& message) {
  message.Clear();
  if (first_ != nullptr) {
    message.set_allocated_snapshot(first_.release());
    return Send{};
  }
  while (true) {
    if (read_.empty()) {
      auto more = log_.after(cursor_, kRead);
      if (!more) return fell_behind();
      if (more->empty()) return Nothing{};
      read_.assign(std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
    }
    const Event event = std::move(read_.front());
    read_.pop_front();
    cursor_ = event.sequence;
    if (!shows(filter_, event)) continue;
    fill(event, log_.epoch(), *message.mutable_event());
    return Send{};
  }
}

std::optional<grpc::Status> EventWatch::too_slow() const {
  if (log_.after(cursor_, 1)) return {};
  return fell_behind();
}

}  // namespace pulsed::rpc
