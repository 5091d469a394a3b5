// A daemon with one service and its classes, in which everything has happened.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "daemon/metrics/off_loop.h"
#include "daemon/snapshot.h"

namespace pulsed::metrics {

// Every field differs from every other, so that a mix-up shows.
inline Snapshot full_snapshot() {
  Snapshot s;
  s.daemon = {.version = "1.2.3",
              .policy_revision = 7,
              .enforcement = policy::Enforcement::kEnforce,
              .enforcement_limit = policy::Enforcement::kShadow,
              .started_at = std::chrono::system_clock::time_point{std::chrono::milliseconds{1'500}},
              .policy_reloads = 101,
              .policy_reload_failures = 102,
              .attaches = 103,
              .detaches = 104,
              .attaches_refused = 105,
              .quarantines = 106,
              .folded_label_values = 107,
              .samples = 108,
              .events_left_out = 110,
              .high_priority = true,
              .exact_run_times = false,
              .undone_by_guardian = 109,
              .demotes = true};
  s.daemon.tick_duration.observe_ns(20'000);
  s.daemon.tick_lateness.observe_ns(600'000);
  s.daemon.tick_lateness.observe_ns(600'000);
  ServiceSnapshot service{.service = "checkout",
                          .processes = 201,
                          .workers = 202,
                          .class_changes = 203,
                          .reports_withheld = 235,
                          .directives_measure = 204,
                          .directives_yield = 205,
                          .directives_isolate = 206,
                          .dropped_samples = 207,
                          .rejected_records = 208,
                          .skipped_samples = 209,
                          .tasks_without_slot = 210,
                          .clock_reads = 218,
                          .late_clock_reads = 219,
                          .holding_polls = {211, 212, 213, 214},
                          .in_flight_longest_ns = 215'000'000,
                          .quarantined = true,
                          .pinned_classes = 236,
                          .held_polls = {221, 222, 223, 224},
                          .spare_workers_parked = 225,
                          .spare_workers_awake = 226,
                          .spare_wakes = 227,
                          .would_be_spare_wakes = 234,
                          .spare_shortages = 228,
                          .demoted_threads = 229,
                          .demotions = 230,
                          .demotions_refused = 231,
                          .boosts = 232,
                          .demoted_ns = 233'500'000'000};
  service.undo_latency.observe_ns(700'000);
  service.tier_changes[0][1] = 216;
  service.tier_changes[3][2] = 217;
  s.services = {service};
  ClassSnapshot c{.service = "checkout",
                  .task_class = "checkout/render",
                  .polls = 301,
                  .cpu_ns = 302'500'000'000,
                  .violations = 303,
                  .yields_obeyed = 304,
                  .isolated_polls = 305,
                  .tasks = {306, 307, 308, 309},
                  .tier = policy::Tier::kYield,
                  .enforcement = policy::Enforcement::kShadow,
                  .would_be = {310, 311, 312, 313, 314'500'000'000}};
  c.poll_duration.observe_ns(5'000);
  c.poll_duration.observe_ns(5'000'000);
  c.queue_wait.observe_ns(60'000'000'000);
  s.classes = {c};
  return s;
}

inline OffLoop full_off_loop() {
  return {.process = {.cpu = std::chrono::microseconds{401'500'000},
                      .resident_bytes = 402,
                      .open_descriptors = 403,
                      .most_descriptors = 404},
          .http_connections_refused = 405,
          .http_replies_refused = 412,
          .http_watchers_refused = 413,
          .http_watchers = 414,
          .api_connections_refused = 406,
          .api_calls = {{"PolicyService/Update", "OK", 407},
                        {"PolicyService/Update", "ABORTED", 408},
                        {"MonitorService/GetStatus", "OK", 409}},
          .revision_store_failures = 410,
          .revisions_durable = true,
          .log_lines_dropped = 411};
}

inline Snapshot with_classes(std::size_t count) {
  Snapshot s = full_snapshot();
  ClassSnapshot c = s.classes[0];
  s.classes.clear();
  for (std::size_t i = 0; i < count; ++i) {
    c.task_class = "checkout/render_" + std::to_string(i);
    s.classes.push_back(c);
  }
  return s;
}

}  // namespace pulsed::metrics
