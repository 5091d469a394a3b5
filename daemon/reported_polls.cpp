#include "daemon/reported_polls.h"

namespace pulsed {
namespace {

using collect::ReportedPoll;
using collect::Service;
using collect::TrackedPoll;
using collect::WorkerView;
using policy::Duration;

// In flight, or interrupted by a poll nested in it.
const TrackedPoll* tracked(const WorkerView& worker, policy::Time first_look) {
  for (const TrackedPoll* poll : {&worker.current, &worker.previous}) {
    if (poll->valid && poll->first_look == first_look) return poll;
  }
  return nullptr;
}

void note(const Service& service, const TrackedPoll& poll, ReportedPoll& reported) {
  reported.start = poll.start;
  reported.cls = collect::class_of(poll);
  reported.tier = service.tiers.tier(collect::task_of(poll), reported.cls);
  reported.blame = poll.most_blamed();
}

}  // namespace

void ReportedPolls::add(Service& service, std::uint32_t worker) const {
  const TrackedPoll& poll = service.workers[worker].current;
  service.reported.push_back({worker, poll.first_look, {}, {}, {}, {}});
  note(service, poll, service.reported.back());
}

void ReportedPolls::follow(Service& service) const {
  if (service.reported.empty()) return;
  std::erase_if(service.reported, [&](ReportedPoll& reported) {
    const TrackedPoll* poll = tracked(service.workers[reported.worker], reported.first_look);
    if (poll != nullptr) {
      note(service, *poll, reported);
      return false;
    }
    report(service, reported);
    return true;
  });
}

void ReportedPolls::release(Service& service) const {
  for (const ReportedPoll& poll : service.reported) report(service, poll);
  service.reported.clear();
}

void ReportedPolls::report(const Service& service, const ReportedPoll& poll) const {
  const auto to_duration = [&](std::uint64_t from, std::uint64_t to) {
    return Duration{static_cast<std::int64_t>(to > from ? clock_.to_ns(to - from) : 0)};
  };
  const collect::LastEnded& last = service.workers[poll.worker].last_ended;
  const Duration since_start = to_duration(poll.start, clock_.now());
  const bool known = last.start == poll.start;
  const Duration duration = known ? to_duration(last.start, last.end) : since_start;
  reporter_.held_poll_ended(service, poll, duration, !known, since_start);
}

}  // namespace pulsed
