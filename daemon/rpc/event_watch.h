// WatchEvents: one reader's cursor into the log of events.
#pragma once

#include <deque>
#include <memory>

#include "daemon/event_log.h"
#include "daemon/rpc/filter.h"
#include "daemon/rpc/reading_desk.h"
#include "daemon/rpc/watch.h"
#include "pulsed/v1/monitor.pb.h"

namespace pulsed::rpc {

class EventWatch final : public Watch<v1::WatchEventsResponse> {
 public:
  // Events after `cursor` follow, after `first` if it has anything.
  EventWatch(Setting setting, const EventLog& log, Filter filter)
      : Watch(std::move(setting)), log_(log), filter_(std::move(filter)) {}

  // Before open.
  void start_after(std::uint64_t sequence) { cursor_ = sequence; }
  void start_with(std::unique_ptr<v1::EventsSnapshot> snapshot) {
    cursor_ = snapshot->sequence();
    first_ = std::move(snapshot);
  }

 private:
  // As many events at once as are worth one look at the log.
  static constexpr std::size_t kRead = 32;

  Next next(v1::WatchEventsResponse& message) override;
  [[nodiscard]] std::optional<grpc::Status> too_slow() const override;

  const EventLog& log_;
  const Filter filter_;
  std::unique_ptr<v1::EventsSnapshot> first_;
  std::uint64_t cursor_ = 0;  // the last one read from `read_`
  std::deque<Event> read_;
};

}  // namespace pulsed::rpc
