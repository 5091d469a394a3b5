#include "daemon/history/moment_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace pulsed::history {
namespace {

using nlohmann::json;

// Rounded, as more digits would say nothing: to microseconds, and moments to milliseconds.
double seconds(std::uint64_t ns) { return std::round(static_cast<double>(ns) / 1e3) / 1e6; }
double seconds(policy::Duration d) {
  return std::round(static_cast<double>(d.count()) / 1e3) / 1e6;
}
double unix_seconds(WallTime t) {
  const std::chrono::duration<double, std::milli> ms = t.time_since_epoch();
  return std::round(ms.count()) / 1e3;
}

// What is 0, false, "" or empty is left out.
template <typename T>
void put(json& out, const char* name, const T& value) {
  if (value != T{}) out[name] = value;
}
void put(json& out, const char* name, policy::Tier tier) {
  if (tier != policy::Tier::kMonitor) out[name] = policy::name(tier);
}
void put(json& out, const char* name, policy::Blame blame) {
  if (blame != policy::Blame::kUnknown) out[name] = policy::name(blame);
}
template <typename Things, typename ToJson>
void put_list(json& out, const char* name, const Things& things, ToJson to) {
  if (things.empty()) return;
  json& list = out[name] = json::array();
  for (const auto& thing : things) list.push_back(to(thing));
}

json daemon_json(const DaemonMoment& d) {
  json out{{"version", d.version},
           {"enforcement", policy::name(d.enforcement)},
           {"limit", policy::name(d.limit)},
           {"profile", policy::name(d.profile)},
           {"started_at", unix_seconds(d.started_at)}};
  put(out, "revision", d.revision);
  put(out, "ready", d.ready);
  put(out, "since_tick", std::chrono::duration<double>(d.since_tick).count());
  put(out, "tick_p99", seconds(d.tick_p99_ns));
  put(out, "samples", d.samples);
  put(out, "dropped", d.dropped);
  put(out, "high_priority", d.high_priority);
  put(out, "can_demote", d.can_demote);
  return out;
}

json service_json(const ServiceSnapshot& s) {
  json out{{"name", s.service}};
  put(out, "processes", s.processes);
  put(out, "workers", s.workers);
  put(out, "spare_parked", s.spare_workers_parked);
  put(out, "spare_awake", s.spare_workers_awake);
  put(out, "demoted", s.demoted_threads);
  put(out, "in_flight", s.in_flight_over_budget);
  put(out, "quarantined", s.quarantined);
  return out;
}

json class_json(const ClassMoment& c) {
  json out{{"s", c.service}, {"enf", policy::name(c.enforcement)}};
  put(out, "c", c.task_class);
  put(out, "tier", c.tier);
  put(out, "above", c.above);
  if (c.pinned) out["pin"] = policy::name(*c.pinned);
  put(out, "polls", c.polls);
  put(out, "cpu", seconds(c.cpu_ns));
  put(out, "viol", c.violations);
  put(out, "yields", c.yields);
  put(out, "iso", c.isolated_polls);
  put(out, "dem", c.demotions);
  put(out, "wyields", c.would_be.yields);
  put(out, "wiso", c.would_be.isolated_polls);
  put(out, "wdem", c.would_be.demotions);
  put(out, "wcpu", seconds(c.would_be.cpu_ns));
  if (c.p50_ns) out["p50"] = seconds(*c.p50_ns);
  if (c.p99_ns) out["p99"] = seconds(*c.p99_ns);
  if (c.queue_p99_ns) out["qp99"] = seconds(*c.queue_p99_ns);
  return out;
}

json poll_json(const PollDetail& p) {
  json out = json::object();
  put(out, "c", p.task_class);
  put(out, "age", seconds(p.age_ns));
  put(out, "cpu", seconds(p.cpu_ns));
  put(out, "blame", p.blame);
  put(out, "tier", p.tier);
  put(out, "over", p.over_budget);
  put(out, "long", p.reported);
  put(out, "demoted", p.demoted);
  return out;
}

json worker_json(const WorkerMoment& w) {
  json out{{"s", w.service}, {"pid", w.pid}};
  put(out, "w", w.worker.line);
  put(out, "name", w.worker.thread_name);
  if (w.worker.kind == WorkerKind::kIsolation) out["kind"] = "isolation";
  if (w.worker.kind == WorkerKind::kSpare) {
    out["kind"] = "spare";
    put(out, "awake", w.worker.awake);
  }
  if (w.worker.in_flight) out["poll"] = poll_json(*w.worker.in_flight);
  return out;
}

json ended_json(const Event& event) {
  const auto& e = std::get<HeldPollEnded>(event.what);
  json out{{"s", event.service},
           {"pid", event.pid},
           {"start", unix_seconds(e.start)},
           {"for", seconds(e.duration)}};
  put(out, "w", e.worker);
  put(out, "c", e.task_class);
  put(out, "most", e.at_most);
  put(out, "tier", e.tier);
  put(out, "blame", e.blame);
  return out;
}

void fill(json& out, const TierChanged& e) {
  out["kind"] = "tier";
  put(out, "c", e.task_class);
  put(out, "whole", !e.task);
  out["from"] = policy::name(e.from);
  out["to"] = policy::name(e.to);
  out["reason"] = policy::kReasonNames[static_cast<std::size_t>(e.reason)];
  put(out, "cpu", seconds(e.poll_cpu));
  out["enf"] = policy::name(e.enforcement);
}
void fill(json& out, const PollHeld& e) {
  out["kind"] = "held";
  put(out, "c", e.task_class);
  put(out, "w", e.worker);
  put(out, "name", e.thread_name);
  put(out, "age", seconds(e.age));
  put(out, "cpu", seconds(e.cpu));
  put(out, "blame", e.blame);
  put(out, "tier", e.tier);
  out["enf"] = policy::name(e.enforcement);
}
void fill(json&, const HeldPollEnded&) {}  // it has a list of its own
void fill(json& out, const ServiceAttached&) { out["kind"] = "attached"; }
void fill(json& out, const ServiceDetached&) { out["kind"] = "detached"; }
void fill(json& out, const ServiceQuarantined& e) {
  out["kind"] = "quarantined";
  put(out, "rejected", e.rejected_records);
}
void fill(json& out, const PolicyChanged& e) {
  out["kind"] = "policy";
  put(out, "revision", e.revision);
  out["enf"] = policy::name(e.enforcement);
}
void fill(json& out, const PinChanged& e) {
  out["kind"] = "pin";
  put(out, "c", e.task_class);
  if (e.tier) out["to"] = policy::name(*e.tier);
}

json event_json(const Event& event) {
  json out{{"n", event.sequence}, {"t", unix_seconds(event.at)}};
  put(out, "s", event.service);
  put(out, "pid", event.pid);
  std::visit([&](const auto& what) { fill(out, what); }, event.what);
  return out;
}

}  // namespace

std::string to_json(const Moment& moment) {
  json out{{"t", unix_seconds(moment.at)}, {"d", daemon_json(moment.daemon)}};
  put_list(out, "services", moment.services, service_json);
  put_list(out, "classes", moment.classes, class_json);
  put(out, "left_out", moment.classes_left_out);
  put_list(out, "workers", moment.workers, worker_json);
  put(out, "workers_left_out", moment.workers_left_out);
  put_list(out, "ended", moment.ended, ended_json);
  put(out, "ended_left_out", moment.ended_left_out);
  put_list(out, "events", moment.events, event_json);
  put(out, "events_left_out", moment.events_left_out);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace pulsed::history
