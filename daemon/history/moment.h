// What the page shows of half a second: what moved since the moment before, and what stands now. Typed here, worked out in
// differences.h, written as JSON by moment_json.h. Each is one `data:` line of the server-sent events at /events, whose id
// is <epoch>-<n>: n counts up by 1 from moment to moment, the epoch is another with each start of the daemon.
//
// The JSON. Times and durations are seconds as numbers. What is 0, false, "" or an empty list is left out, and so are the
// tier "monitor", the blame "unknown" and the kind "worker": a reader takes what is absent for these. Only `t`, `d` with
// `version`, `enforcement`, `limit`, `profile` and `started_at`, each entry's `s` or `name`, each event's `n`, `t` and
// `kind`, and what is said below to be always there are. Names are any text. Unknown fields are to be ignored.
//
// {"t":1764000000.512,               unix time; goes back only if the system's clock does
//  "d":{                             the daemon
//   "version":"0.1.0","revision":3,  of the policy in force
//   "enforcement":"enforce","limit":"enforce",   "observe" | "shadow" | "enforce"; in force is the lesser of both
//   "profile":"balanced","started_at":1763999000.1,
//   "ready":true,                    services can attach
//   "since_tick":0.004,              since the control loop last ticked; over 2 it is not healthy
//   "tick_p99":0.0001,               how long its ticks took since the moment before
//   "samples":1200,"dropped":3,      samples read, and dropped by full rings, since the moment before
//   "high_priority":true,"can_demote":true},
//  "services":[{                     one a service name, at most 101
//   "name":"pulsed-demo","processes":1,"workers":2,"spare_parked":2,"spare_awake":1,
//   "demoted":1,                     threads of lowered priority, now
//   "in_flight":2,                   polls over their budget, now
//   "quarantined":true}],
//  "classes":[{                      that moved since the moment before, or do not stand at Monitor: most CPU time first
//   "s":"pulsed-demo","c":"demo/export",         `c` is absent for the unnamed class
//   "tier":"isolate",                where new tasks of the class begin
//   "above":1,                       its tasks above Monitor, now
//   "enf":"enforce",                 in force for it; always there
//   "pin":"isolate",                 absent: not pinned
//   "polls":12,"cpu":0.41,"viol":12,"yields":1,  since the moment before, as all counts of a class: polls ended, CPU
//   "iso":10,"dem":2,                time proven, violations, yields obeyed, polls on the isolation pool, demotions
//   "wyields":1,"wiso":2,"wdem":1,   what would have been done in shadow, and the CPU time of the polls it would have
//   "wcpu":0.05,                     been done to
//   "p50":0.02,"p99":0.021,          of the wall times of polls that ended since the moment before, and of the time their
//   "qp99":0.001}],                  tasks waited; from histograms' buckets. Absent: no such poll
//  "left_out":3,                     classes beyond the 50 that are listed
//  "workers":[{                      attached; those that poll first, of these the longest in flight first
//   "s":"pulsed-demo","pid":123,"w":2,           pid and w (its line; absent: 0) are what names it
//   "name":"demo-2","kind":"worker", of its thread; "worker" | "isolation" | "spare"
//   "awake":true,                    a spare worker that runs in another's place; absent: it is parked
//   "poll":{                         in flight, now. Absent: none
//    "c":"demo/export","age":0.012,"cpu":0.012,  wall time so far, CPU time proven so far
//    "blame":"burning",              "unknown" | "burning" | "runnable" | "blocked"
//    "tier":"isolate",               of its task
//    "over":true,                    over its budget
//    "long":true,                    over its budget, or in flight for long_poll by the clock: its end is told in "ended"
//    "demoted":true}}],
//  "workers_left_out":3,             beyond the 128 that are listed
//  "ended":[{                        long polls, once reported by an event of kind "held", that have ended since
//   "s":"pulsed-demo","pid":123,"w":2,"c":"demo/export",
//   "start":1764000000.1,"for":0.0208,           wall time; always there
//   "most":true,                     `for` is an upper bound: when it was seen to be gone
//   "tier":"isolate",                of its task, at its end
//   "blame":"burning"}],
//  "ended_left_out":3,               beyond the 200 that are listed
//  "events":[                        since the moment before, oldest first
//   {"n":17,"t":1764000000.3,"kind":"tier",      n counts up by 1 from event to event, those of "ended" included
//    "s":"demo","pid":1,"c":"demo/export",
//    "whole":true,                   the class itself, for its new tasks; absent: one task of it
//    "from":"monitor","to":"warn",   always there
//    "reason":"cpu","cpu":0.005,     of the poll that made it so
//    "enf":"enforce"},               always there
//   {...,"kind":"held","s":"demo","pid":1,"w":0,"name":"demo-0","c":"demo/export","age":0.005,"cpu":0.005,
//    "blame":"burning","tier":"warn","enf":"enforce"},
//   {...,"kind":"attached","s":"demo","pid":1},
//   {...,"kind":"detached","s":"demo","pid":1},
//   {...,"kind":"quarantined","s":"demo","pid":1,"rejected":5000},
//   {...,"kind":"policy","revision":3,"enf":"enforce"},
//   {...,"kind":"pin","s":"demo","c":"demo/export","to":"isolate"}],   `to` is absent: pinned no more
//  "events_left_out":3}              beyond those that are listed, and those that the daemon no longer kept. Listed are the
//                                    first 200 of tiers and held polls, the first 50 of services that attach, detach or are
//                                    quarantined, and the first 50 of policies and pins: none takes another's room
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/details.h"
#include "daemon/event_log.h"
#include "daemon/snapshot.h"

namespace pulsed::history {

using WallTime = std::chrono::system_clock::time_point;

struct DaemonMoment {
  std::string version;
  std::uint64_t revision = 0;
  policy::Enforcement enforcement{};
  policy::Enforcement limit{};
  policy::Profile profile{};
  WallTime started_at;
  bool ready = false;
  std::chrono::milliseconds since_tick{};
  std::uint64_t tick_p99_ns = 0;
  std::uint64_t samples = 0;
  std::uint64_t dropped = 0;
  bool high_priority = false;
  bool can_demote = false;
};

// Counts are those since the moment before.
struct ClassMoment {
  std::string service;
  std::string task_class;
  policy::Tier tier{};
  std::uint64_t above = 0;  // its tasks above Monitor, now
  policy::Enforcement enforcement{};
  std::optional<policy::Tier> pinned;
  std::uint64_t polls = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t violations = 0;
  std::uint64_t yields = 0;
  std::uint64_t isolated_polls = 0;
  std::uint64_t demotions = 0;
  WouldBe would_be;
  std::optional<std::uint64_t> p50_ns;  // none: no poll
  std::optional<std::uint64_t> p99_ns;
  std::optional<std::uint64_t> queue_p99_ns;
};

struct WorkerMoment {
  std::string service;
  pid_t pid = 0;
  WorkerDetail worker;  // of its fields, those that are written
};

struct Moment {
  static constexpr std::size_t kMostClasses = 50;
  static constexpr std::size_t kMostWorkers = 128;
  // Of `events`, by who makes them: a flood of one leaves the others' room.
  static constexpr std::size_t kMostOfTasks = 200;
  static constexpr std::size_t kMostOfServices = 50;
  static constexpr std::size_t kMostOfOperators = 50;
  static constexpr std::size_t kMostEnded = 200;

  WallTime at;
  DaemonMoment daemon;
  std::vector<ServiceSnapshot> services;  // of their fields, those that are written
  std::vector<ClassMoment> classes;
  std::uint64_t classes_left_out = 0;
  std::vector<WorkerMoment> workers;
  std::uint64_t workers_left_out = 0;
  std::vector<Event> ended;  // each a HeldPollEnded
  std::uint64_t ended_left_out = 0;
  std::vector<Event> events;  // all others
  std::uint64_t events_left_out = 0;
};

}  // namespace pulsed::history
