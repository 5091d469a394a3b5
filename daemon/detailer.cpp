#include "daemon/detailer.h"

#include <algorithm>

#include "daemon/collect/thread_name.h"
#include "daemon/policy/hold.h"

namespace pulsed {
namespace {

using collect::Service;
using collect::WorkerView;

// Records of tasks that are looked at in one service: many of them may be of tasks at Monitor.
constexpr std::uint32_t kMostRecords = 65'536;

bool attached(const WorkerView& worker) { return (worker.state & PULSED_WORKER_ATTACHED) != 0; }

policy::HoldVerdict judge(const Service& service, const WorkerView& worker, std::uint64_t age_ns) {
  const collect::TrackedPoll& poll = worker.current;
  return policy::judge_hold(service.tiers.fields(collect::class_of(poll)),
                            {policy::Duration{static_cast<std::int64_t>(age_ns)}, poll.cpu,
                             poll.blame, worker.isolation});
}

PollDetail poll_detail(const Service& service, const WorkerView& worker, std::uint64_t age_ns) {
  const collect::TrackedPoll& poll = worker.current;
  const policy::ClassId cls = collect::class_of(poll);
  PollDetail detail;
  detail.task_class = service.classes[index(cls)].name;
  detail.age_ns = age_ns;
  detail.cpu_ns = static_cast<std::uint64_t>(poll.cpu.count());
  detail.blame = poll.blame;
  detail.tier = service.tiers.tier(collect::task_of(poll), cls);
  const policy::HoldVerdict verdict = judge(service, worker, age_ns);
  detail.over_budget = verdict.over_budget;
  detail.reported = verdict.report;
  detail.demoted = worker.demotion.has_value();
  return detail;
}

WorkerDetail worker_detail(const Service& service, std::uint32_t line, std::uint32_t process) {
  const WorkerView& worker = service.workers[line];
  WorkerDetail detail;
  detail.process = process;
  detail.line = line;
  detail.thread_name = collect::thread_name(service, line);
  detail.tid = worker.tid;
  if (worker.isolation) detail.kind = WorkerKind::kIsolation;
  if (worker.spare) detail.kind = WorkerKind::kSpare;
  detail.awake = !worker.spare || service.words.spare_runs(line);
  detail.dropped_samples = worker.dropped;
  return detail;
}

void count_worker(ProcessDetail& process, const Service& service, std::uint32_t line,
                  std::uint64_t age_ns) {
  const WorkerView& worker = service.workers[line];
  if (!worker.spare) {
    ++process.workers;
  } else {
    ++(service.words.spare_runs(line) ? process.spare_workers_awake : process.spare_workers_parked);
  }
  if (!worker.current.valid) return;
  process.longest_in_flight_ns = std::max(process.longest_in_flight_ns, age_ns);
  if (judge(service, worker, age_ns).over_budget) ++process.in_flight_over_budget;
}

void add_workers(Details& details, const Service& service, ProcessDetail& process,
                 const shm::TickClock& clock) {
  const auto number = static_cast<std::uint32_t>(details.processes.size());
  const std::uint64_t now = clock.now();
  for (std::uint32_t line = 0; line < service.workers.size(); ++line) {
    const WorkerView& worker = service.workers[line];
    if (worker.demotion) ++process.demoted_threads;
    if (!attached(worker)) continue;
    const bool polls = worker.current.valid;
    const std::uint64_t age_ns =
        polls && now > worker.current.start ? clock.to_ns(now - worker.current.start) : 0;
    count_worker(process, service, line, age_ns);
    if (details.workers.size() == Details::kMostWorkers) {
      ++details.workers_left_out;
      continue;
    }
    WorkerDetail& detail = details.workers.emplace_back(worker_detail(service, line, number));
    if (polls) detail.in_flight = poll_detail(service, worker, age_ns);
  }
}

void count_tasks(const Service& service, ProcessDetail& process) {
  process.tasks = service.tiers.live_tasks();
  for (std::size_t cls = 0; cls < service.classes.size(); ++cls) {
    for (std::size_t t = policy::index(policy::Tier::kMonitor) + 1; t < policy::kTierCount; ++t) {
      process.tasks_above_monitor +=
          service.tiers.tasks_at(static_cast<policy::ClassId>(cls), static_cast<policy::Tier>(t));
    }
  }
}

void add_tasks(Details& details, const Service& service, const ProcessDetail& process) {
  const auto number = static_cast<std::uint32_t>(details.processes.size());
  std::uint64_t listed = 0;
  const std::uint32_t records = std::min(service.tiers.records(), kMostRecords);
  for (std::uint32_t i = 0; i < records && listed < process.tasks_above_monitor; ++i) {
    if (details.tasks.size() >= Details::kMostTasks) break;
    const auto record = service.tiers.record(i);
    if (!record || record->tier == policy::Tier::kMonitor) continue;
    details.tasks.push_back(
        {number, service.classes[index(record->cls)].name, record->task, record->tier});
    ++listed;
  }
  details.tasks_left_out += process.tasks_above_monitor - listed;
}

}  // namespace

std::shared_ptr<const Details> build_details(std::span<const std::unique_ptr<Service>> services,
                                             const shm::TickClock& clock, Listed listed,
                                             const std::function<void()>& between) {
  auto details = std::make_shared<Details>();
  for (const auto& service : services) {
    ProcessDetail process;
    process.service = service->peer.name;
    process.pid = service->peer.pid;
    process.uid = service->peer.uid;
    process.attached_at = service->attached_at;
    process.abi_minor = service->peer.abi_minor;
    process.dropped_samples = service->dropped_samples;
    process.rejected_records = service->rejected_records;
    process.quarantined = service->quarantined;
    add_workers(*details, *service, process, clock);
    count_tasks(*service, process);
    if (listed == Listed::kWorkersAndTasks) add_tasks(*details, *service, process);
    details->processes.push_back(std::move(process));
    between();
  }
  return details;
}

}  // namespace pulsed
