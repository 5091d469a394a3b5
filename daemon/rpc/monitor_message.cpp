#include "daemon/rpc/monitor_message.h"

#include <numeric>

#include "daemon/rpc/duration_message.h"
#include "daemon/rpc/policy_message.h"

namespace pulsed::rpc {
namespace {

google::protobuf::Duration ns(std::uint64_t value) { return duration_message_ns(value); }

v1::WorkerInfo::Kind kind_message(WorkerKind kind) {
  switch (kind) {
    case WorkerKind::kOrdinary:
      return v1::WorkerInfo::KIND_ORDINARY;
    case WorkerKind::kIsolation:
      return v1::WorkerInfo::KIND_ISOLATION;
    case WorkerKind::kSpare:
      return v1::WorkerInfo::KIND_SPARE;
  }
  return v1::WorkerInfo::KIND_UNSPECIFIED;
}

void fill(const WouldBe& would_be, v1::WouldBe& message) {
  message.set_yields(would_be.yields);
  message.set_isolated_polls(would_be.isolated_polls);
  message.set_demotions(would_be.demotions);
  message.set_spare_wakes(would_be.spare_wakes);
  *message.mutable_cpu_time() = ns(would_be.cpu_ns);
}

void fill(const PollDetail& poll, v1::InFlightPoll& message) {
  message.set_class_(poll.task_class);
  *message.mutable_age() = ns(poll.age_ns);
  *message.mutable_cpu() = ns(poll.cpu_ns);
  // Our unknown is the API's unspecified.
  message.set_blame(static_cast<v1::Blame>(poll.blame));
  message.set_tier(enum_message<v1::Tier>(poll.tier));
  message.set_over_budget(poll.over_budget);
  message.set_demoted(poll.demoted);
}

}  // namespace

void fill(const Snapshot& snapshot, v1::Status& status) {
  const DaemonSnapshot& daemon = snapshot.daemon;
  status.set_version(daemon.version);
  *status.mutable_started_at() = timestamp_message(daemon.started_at);
  status.set_policy_revision(daemon.policy_revision);
  status.set_enforcement(enum_message<v1::Enforcement>(daemon.enforcement));
  status.set_enforcement_limit(enum_message<v1::Enforcement>(daemon.enforcement_limit));
  status.set_profile(enum_message<v1::Profile>(daemon.profile));
  status.set_samples(daemon.samples);
  status.set_can_demote(daemon.demotes);
  status.set_exact_run_times(daemon.exact_run_times);
  status.set_high_priority(daemon.high_priority);
  for (const ServiceSnapshot& service : snapshot.services) {
    status.set_services(status.services() + service.processes);
    status.set_workers(status.workers() + service.workers);
    status.set_in_flight_over_budget(status.in_flight_over_budget() +
                                     service.in_flight_over_budget);
    status.set_demoted_threads(status.demoted_threads() + service.demoted_threads);
    status.set_spare_workers_awake(status.spare_workers_awake() + service.spare_workers_awake);
    status.set_dropped_samples(status.dropped_samples() + service.dropped_samples);
  }
  for (const ClassSnapshot& cls : snapshot.classes) {
    const std::uint64_t above = cls.tasks_above_monitor();
    status.set_tasks(status.tasks() + cls.tasks[0] + above);
    status.set_tasks_above_monitor(status.tasks_above_monitor() + above);
  }
}

void fill(const ProcessDetail& process, std::uint32_t abi_major, v1::ServiceInfo& info) {
  info.set_service(process.service);
  info.set_pid(static_cast<std::uint32_t>(process.pid));
  info.set_uid(process.uid);
  *info.mutable_attached_at() = timestamp_message(process.attached_at);
  info.set_workers(process.workers);
  info.set_spare_workers_parked(process.spare_workers_parked);
  info.set_spare_workers_awake(process.spare_workers_awake);
  info.set_tasks(process.tasks);
  info.set_tasks_above_monitor(process.tasks_above_monitor);
  info.set_in_flight_over_budget(process.in_flight_over_budget);
  *info.mutable_longest_in_flight() = ns(process.longest_in_flight_ns);
  info.set_demoted_threads(process.demoted_threads);
  info.set_dropped_samples(process.dropped_samples);
  info.set_rejected_records(process.rejected_records);
  info.set_quarantined(process.quarantined);
  info.set_abi(std::to_string(abi_major) + "." + std::to_string(process.abi_minor));
}

void fill(const ClassSnapshot& cls, v1::ClassInfo& info) {
  info.set_service(cls.service);
  info.set_class_(cls.task_class);
  info.set_enforcement(enum_message<v1::Enforcement>(cls.enforcement));
  info.set_tier(enum_message<v1::Tier>(cls.tier));
  if (cls.pinned) info.set_pinned(enum_message<v1::Tier>(*cls.pinned));
  info.set_polls(cls.polls);
  *info.mutable_cpu_time() = ns(cls.cpu_ns);
  info.set_violations(cls.violations);
  info.set_yields(cls.yields_obeyed);
  info.set_isolated_polls(cls.isolated_polls);
  for (const std::uint64_t tasks : cls.tasks) info.add_tasks_by_tier(tasks);
  *info.mutable_poll_p50() = ns(quantile_ns(cls.poll_duration, 0.5));
  *info.mutable_poll_p99() = ns(quantile_ns(cls.poll_duration, 0.99));
  *info.mutable_queue_wait_p99() = ns(quantile_ns(cls.queue_wait, 0.99));
  fill(cls.would_be, *info.mutable_would_be());
  info.set_demotions(cls.demotions);
}

void fill(const TaskDetail& task, const ProcessDetail& process, v1::TaskInfo& info) {
  info.set_service(process.service);
  info.set_pid(static_cast<std::uint32_t>(process.pid));
  info.set_class_(task.task_class);
  info.set_slot(task.id.slot);
  info.set_generation(task.id.generation);
  info.set_tier(enum_message<v1::Tier>(task.tier));
}

void fill(const WorkerDetail& worker, const ProcessDetail& process, v1::WorkerInfo& info) {
  info.set_service(process.service);
  info.set_pid(static_cast<std::uint32_t>(process.pid));
  info.set_worker(worker.line);
  info.set_thread_name(worker.thread_name);
  info.set_thread_id(worker.tid);
  info.set_kind(kind_message(worker.kind));
  info.set_awake(worker.awake);
  if (worker.in_flight) fill(*worker.in_flight, *info.mutable_in_flight());
  info.set_dropped_samples(worker.dropped_samples);
}

}  // namespace pulsed::rpc
