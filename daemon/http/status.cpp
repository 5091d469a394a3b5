#include "daemon/http/status.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace pulsed::http {
namespace {

using nlohmann::ordered_json;

template <typename Counts>
std::uint64_t sum(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

ordered_json daemon_json(const DaemonSnapshot& daemon, bool ready,
                         std::chrono::milliseconds since_last_tick) {
  const std::chrono::duration<double, std::milli> started = daemon.started_at.time_since_epoch();
  return {{"version", daemon.version},
          {"policy_revision", daemon.policy_revision},
          {"enforcement", policy::name(daemon.enforcement)},
          {"enforcement_limit", policy::name(daemon.enforcement_limit)},
          {"profile", policy::name(daemon.profile)},
          {"started_at", std::round(started.count()) / 1e3},
          {"ready", ready},
          {"since_last_tick_ms", since_last_tick.count()},
          {"high_priority", daemon.high_priority},
          {"exact_run_times", daemon.exact_run_times},
          {"can_demote", daemon.demotes},
          {"samples", daemon.samples},
          {"attaches", daemon.attaches},
          {"detaches", daemon.detaches},
          {"attaches_refused", daemon.attaches_refused},
          {"quarantines", daemon.quarantines}};
}

ordered_json service_json(const ServiceSnapshot& s) {
  return {{"service", s.service},
          {"processes", s.processes},
          {"workers", s.workers},
          {"spare_workers_parked", s.spare_workers_parked},
          {"spare_workers_awake", s.spare_workers_awake},
          {"demoted_threads", s.demoted_threads},
          {"in_flight_over_budget", s.in_flight_over_budget},
          {"dropped_samples", s.dropped_samples},
          {"rejected_records", s.rejected_records},
          {"quarantined", s.quarantined}};
}

ordered_json class_json(const ClassSnapshot& c) {
  return {{"service", c.service},
          {"class", c.task_class},
          {"tier", policy::name(c.tier)},
          {"pinned", c.pinned ? ordered_json(policy::name(*c.pinned)) : ordered_json()},
          {"enforcement", policy::name(c.enforcement)},
          {"tasks", sum(c.tasks)},
          {"tasks_above_monitor", c.tasks_above_monitor()},
          {"polls", c.polls},
          {"cpu_seconds", std::round(static_cast<double>(c.cpu_ns) / 1e3) / 1e6},
          {"violations", c.violations},
          {"yields", c.yields_obeyed},
          {"isolated_polls", c.isolated_polls},
          {"demotions", c.demotions}};
}

ordered_json sums_json(const Snapshot& snapshot) {
  std::uint64_t services = 0;
  std::uint64_t workers = 0;
  std::uint64_t over_budget = 0;
  std::uint64_t tasks = 0;
  std::uint64_t above = 0;
  for (const ServiceSnapshot& service : snapshot.services) {
    services += service.processes;
    workers += service.workers;
    over_budget += service.in_flight_over_budget;
  }
  for (const ClassSnapshot& cls : snapshot.classes) {
    tasks += sum(cls.tasks);
    above += cls.tasks_above_monitor();
  }
  return {{"services", services},
          {"workers", workers},
          {"classes", snapshot.classes.size()},
          {"tasks", tasks},
          {"tasks_above_monitor", above},
          {"in_flight_over_budget", over_budget}};
}

}  // namespace

std::string status_json(const Snapshot& snapshot, bool ready,
                        std::chrono::milliseconds since_last_tick) {
  ordered_json services = ordered_json::array();
  for (const ServiceSnapshot& service : snapshot.services)
    services.push_back(service_json(service));
  ordered_json classes = ordered_json::array();
  for (const ClassSnapshot& cls : snapshot.classes) classes.push_back(class_json(cls));
  const ordered_json status{{"daemon", daemon_json(snapshot.daemon, ready, since_last_tick)},
                            {"services", std::move(services)},
                            {"classes", std::move(classes)},
                            {"sums", sums_json(snapshot)}};
  return status.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace pulsed::http
