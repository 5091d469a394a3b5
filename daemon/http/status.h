// /status.json: how the daemon and its services are, for machines that want neither metrics nor gRPC.
//
// {"daemon":{
//   "version":"0.1.0","policy_revision":3,
//   "enforcement":"enforce","enforcement_limit":"enforce",  "observe" | "shadow" | "enforce"; in force is the lesser
//   "profile":"balanced","started_at":1763999000.1,         unix time, seconds
//   "ready":true,"since_last_tick_ms":4,
//   "high_priority":true,"exact_run_times":true,"can_demote":true,   what rights it has
//   "samples":123,"attaches":1,"detaches":0,"attaches_refused":0,"quarantines":0},       since it started
//  "services":[{"service":"shop","processes":1,"workers":8,"spare_workers_parked":2,"spare_workers_awake":0,
//   "demoted_threads":0,"in_flight_over_budget":0,"dropped_samples":0,"rejected_records":0,"quarantined":false}],
//  "classes":[{"service":"shop","class":"shop/render","tier":"monitor","pinned":null,"enforcement":"enforce",
//   "tasks":3,"tasks_above_monitor":0,"polls":12,"cpu_seconds":0.4,"violations":1,"yields":0,"isolated_polls":0,
//   "demotions":0}],                                        since they were first seen
//  "sums":{"services":1,"workers":8,"classes":1,"tasks":3,"tasks_above_monitor":0,"in_flight_over_budget":0}}
//
// Fields may be added. Names are any text; bytes of them that are no UTF-8 become U+FFFD.
#pragma once

#include <chrono>
#include <string>

#include "daemon/snapshot.h"

namespace pulsed::http {

[[nodiscard]] std::string status_json(const Snapshot& snapshot, bool ready,
                                      std::chrono::milliseconds since_last_tick);

}  // namespace pulsed::http
