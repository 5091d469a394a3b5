#include "daemon/ctl/top/rows.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace pulsed::ctl::top {
namespace {

using ClassKey = std::pair<std::string_view, std::string_view>;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Per second, between two readings so far apart. A total that fell says nothing about the time between.
class Clock {
 public:
  explicit Clock(double seconds) : seconds_(seconds) {}

  [[nodiscard]] Rate rate(std::uint64_t now, std::uint64_t before) const {
    if (seconds_ <= 0 || now < before) return std::nullopt;
    return static_cast<double>(now - before) / seconds_;
  }
  [[nodiscard]] Rate rate(Duration now, Duration before) const {
    if (seconds_ <= 0 || now < before) return std::nullopt;
    return in_seconds(now - before) / seconds_;
  }
  [[nodiscard]] TreatmentRates rates(const Treatment& now, const Treatment& before) const {
    return {.yields = rate(now.yields, before.yields),
            .isolated_polls = rate(now.isolated_polls, before.isolated_polls),
            .demotions = rate(now.demotions, before.demotions)};
  }

 private:
  double seconds_;
};

// Of two as old the later one counts: what a worker says has blame, what its process says has not.
void note(std::optional<Oldest>& oldest, const PollReading& poll) {
  if (oldest && oldest->age > poll.age) return;
  oldest = Oldest{.age = poll.age, .blame = poll.blame, .over_budget = poll.over_budget};
}

void set_rates(ClassRow& row, const ClassReading& before, const Clock& clock) {
  const ClassReading& now = row.reading;
  row.load = {.cpu = clock.rate(now.cpu_time, before.cpu_time),
              .polls = clock.rate(now.polls, before.polls),
              .violations = clock.rate(now.violations, before.violations)};
  row.done = clock.rates(now.done, before.done);
  row.would_be = clock.rates(now.would_be, before.would_be);
  row.would_be_cpu = clock.rate(now.would_be_cpu, before.would_be_cpu);
}

std::vector<ClassRow> class_rows(const Reading& now, const Reading* before, const Clock& clock) {
  std::map<ClassKey, const ClassReading*> earlier;
  if (before != nullptr)
    for (const ClassReading& each : before->classes)
      earlier.emplace(ClassKey{each.service, each.task_class}, &each);
  std::vector<ClassRow> rows;
  rows.reserve(now.classes.size());
  for (const ClassReading& each : now.classes) {
    ClassRow& row = rows.emplace_back(ClassRow{.reading = each});
    const auto found = earlier.find({each.service, each.task_class});
    if (found != earlier.end()) set_rates(row, *found->second, clock);
  }
  return rows;
}

void add_polls(std::vector<ClassRow>& rows, const std::vector<WorkerReading>& workers) {
  std::map<ClassKey, ClassRow*> by_key;
  for (ClassRow& row : rows) by_key[{row.reading.service, row.reading.task_class}] = &row;
  for (const WorkerReading& worker : workers) {
    if (!worker.in_flight) continue;
    const auto found = by_key.find({worker.service, worker.in_flight->task_class});
    if (found == by_key.end()) continue;
    ++found->second->in_flight;
    note(found->second->oldest, *worker.in_flight);
  }
}

void add(Rate& sum, const Rate& part) {
  if (part) sum = sum.value_or(0) + *part;
}

void add_process(ServiceRow& row, const ServiceReading& process) {
  if (row.processes++ == 0) row.pid = process.pid;
  row.workers += process.workers;
  row.spare_workers_awake += process.spare_workers_awake;
  row.tasks += process.tasks;
  row.tasks_above_monitor += process.tasks_above_monitor;
  row.in_flight_over_budget += process.in_flight_over_budget;
  row.demoted_threads += process.demoted_threads;
  row.dropped_samples += process.dropped_samples;
  row.quarantined = row.quarantined || process.quarantined;
  if (process.longest_in_flight > Duration{})
    note(row.oldest,
         {.age = process.longest_in_flight, .over_budget = process.in_flight_over_budget > 0});
}

std::vector<ServiceRow> service_rows(const Reading& now, const std::vector<ClassRow>& classes) {
  std::map<std::string_view, ServiceRow> by_name;
  for (const ServiceReading& process : now.services) add_process(by_name[process.service], process);
  for (const ClassRow& each : classes) {
    const auto found = by_name.find(each.reading.service);
    if (found == by_name.end()) continue;
    ServiceRow& row = found->second;
    add(row.load.cpu, each.load.cpu);
    add(row.load.polls, each.load.polls);
    add(row.load.violations, each.load.violations);
    row.poll_p99 = std::max(row.poll_p99, each.reading.poll_p99);
  }
  for (const WorkerReading& worker : now.workers) {
    const auto found = by_name.find(worker.service);
    if (found != by_name.end() && worker.in_flight) note(found->second.oldest, *worker.in_flight);
  }
  std::vector<ServiceRow> rows;
  rows.reserve(by_name.size());
  for (auto& [name, row] : by_name) {
    row.service = name;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

bool restarted(const Reading& now, const Reading& before) {
  return now.status.started_at != before.status.started_at;
}

Rows rows_of(const Reading& now, const Reading* before) {
  if (before != nullptr && restarted(now, *before)) before = nullptr;
  const Clock clock(before != nullptr ? in_seconds(now.at - before->at) : 0);
  Rows rows;
  rows.classes = class_rows(now, before, clock);
  add_polls(rows.classes, now.workers);
  rows.services = service_rows(now, rows.classes);
  rows.workers = now.workers;
  if (before != nullptr) {
    rows.samples = clock.rate(now.status.samples, before->status.samples);
    rows.dropped_samples = clock.rate(now.status.dropped_samples, before->status.dropped_samples);
  }
  return rows;
}

}  // namespace pulsed::ctl::top
