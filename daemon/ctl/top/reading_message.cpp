#include "daemon/ctl/top/reading_message.h"

#include <algorithm>

#include "daemon/ctl/output/quantity.h"

namespace pulsed::ctl::top {
namespace {

// What a newer daemon may say and we do not know is taken for the first value.
template <typename To, typename From>
To value_of(From from, From first, To most) {
  const int value = static_cast<int>(from) - static_cast<int>(first);
  return value < 0 || value > static_cast<int>(most) ? To{} : static_cast<To>(value);
}

Tier tier_of(v1::Tier tier) { return value_of(tier, v1::TIER_MONITOR, Tier::kIsolate); }
Blame blame_of(v1::Blame blame) { return value_of(blame, v1::BLAME_UNSPECIFIED, Blame::kBlocked); }
WorkerKind kind_of(v1::WorkerInfo::Kind kind) {
  return value_of(kind, v1::WorkerInfo::KIND_ORDINARY, WorkerKind::kSpare);
}
Enforcement enforcement_of(v1::Enforcement enforcement) {
  return value_of(enforcement, v1::ENFORCEMENT_OBSERVE, Enforcement::kEnforce);
}

StatusReading status_of(const v1::Status& from) {
  StatusReading to;
  to.version = from.version();
  to.started_at = WallTime(std::chrono::seconds(from.started_at().seconds()) +
                           std::chrono::nanoseconds(from.started_at().nanos()));
  to.since_last_tick = nanoseconds(from.since_last_tick());
  to.policy_revision = from.policy_revision();
  to.enforcement = enforcement_of(from.enforcement());
  to.enforcement_limit = from.enforcement_limit() == v1::ENFORCEMENT_UNSPECIFIED
                             ? Enforcement::kEnforce
                             : enforcement_of(from.enforcement_limit());
  to.profile = word(from.profile());
  to.ready = from.ready();
  to.services = from.services();
  to.workers = from.workers();
  to.tasks = from.tasks();
  to.tasks_above_monitor = from.tasks_above_monitor();
  to.in_flight_over_budget = from.in_flight_over_budget();
  to.demoted_threads = from.demoted_threads();
  to.spare_workers_awake = from.spare_workers_awake();
  to.samples = from.samples();
  to.dropped_samples = from.dropped_samples();
  return to;
}

ServiceReading service_of(const v1::ServiceInfo& from) {
  return {.service = from.service(),
          .pid = from.pid(),
          .workers = from.workers(),
          .spare_workers_awake = from.spare_workers_awake(),
          .tasks = from.tasks(),
          .tasks_above_monitor = from.tasks_above_monitor(),
          .in_flight_over_budget = from.in_flight_over_budget(),
          .longest_in_flight = nanoseconds(from.longest_in_flight()),
          .demoted_threads = from.demoted_threads(),
          .dropped_samples = from.dropped_samples(),
          .quarantined = from.quarantined()};
}

ClassReading class_of(const v1::ClassInfo& from) {
  ClassReading to{.service = from.service(),
                  .task_class = from.class_(),
                  .enforcement = enforcement_of(from.enforcement()),
                  .tier = tier_of(from.tier()),
                  .pinned = from.pinned() != v1::TIER_UNSPECIFIED,
                  .polls = from.polls(),
                  .cpu_time = nanoseconds(from.cpu_time()),
                  .violations = from.violations(),
                  .done = {.yields = from.yields(),
                           .isolated_polls = from.isolated_polls(),
                           .demotions = from.demotions()},
                  .would_be = {.yields = from.would_be().yields(),
                               .isolated_polls = from.would_be().isolated_polls(),
                               .demotions = from.would_be().demotions()},
                  .would_be_cpu = nanoseconds(from.would_be().cpu_time()),
                  .poll_p50 = nanoseconds(from.poll_p50()),
                  .poll_p99 = nanoseconds(from.poll_p99()),
                  .queue_wait_p99 = nanoseconds(from.queue_wait_p99())};
  const auto tiers = std::min<std::size_t>(kTierCount, from.tasks_by_tier().size());
  std::copy_n(from.tasks_by_tier().begin(), tiers, to.tasks_by_tier);
  return to;
}

WorkerReading worker_of(const v1::WorkerInfo& from) {
  WorkerReading to{.service = from.service(),
                   .pid = from.pid(),
                   .line = from.worker(),
                   .thread_name = from.thread_name(),
                   .thread_id = from.thread_id(),
                   .kind = kind_of(from.kind()),
                   .awake = from.awake(),
                   .dropped_samples = from.dropped_samples()};
  if (!from.has_in_flight()) return to;
  const v1::InFlightPoll& poll = from.in_flight();
  to.in_flight = PollReading{.task_class = poll.class_(),
                             .age = nanoseconds(poll.age()),
                             .cpu = nanoseconds(poll.cpu()),
                             .blame = blame_of(poll.blame()),
                             .tier = tier_of(poll.tier()),
                             .over_budget = poll.over_budget(),
                             .demoted = poll.demoted()};
  return to;
}

}  // namespace

Reading reading_of(const Answers& answers, SteadyTime at) {
  Reading reading{.at = at, .status = status_of(answers.status)};
  for (const auto& each : answers.services.services()) reading.services.push_back(service_of(each));
  for (const auto& each : answers.classes.classes()) reading.classes.push_back(class_of(each));
  for (const auto& each : answers.workers.workers()) reading.workers.push_back(worker_of(each));
  return reading;
}

}  // namespace pulsed::ctl::top
