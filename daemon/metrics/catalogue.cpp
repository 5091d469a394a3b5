#include "daemon/metrics/catalogue.h"

namespace pulsed::metrics {
namespace {

using enum Series;
using enum Type;

constexpr Labels kByClass{"service", "class", ""};
constexpr Labels kByClassAndTier{"service", "class", "tier"};
constexpr Labels kByClassAndEnforcement{"service", "class", "enforcement"};
constexpr Labels kByMove{"service", "from", "to"};
constexpr Labels kByDirective{"service", "directive", ""};
constexpr Labels kByBlame{"service", "blame", ""};
constexpr Labels kByState{"service", "state", ""};
constexpr Labels kByCall{"method", "code", ""};
constexpr Labels kByPolicy{"revision", "enforcement", "enforcement_limit"};
constexpr Labels kByVersion{"version", "", ""};
constexpr Labels kByService{"service", "", ""};
constexpr Labels kByNothing{"", "", ""};

constexpr std::array<Entry, kSeriesCount> kCatalogue{{
    {kPolls, kCounter, "pulsed_polls_total", kByClass,
     "Polls ended, exact. class=\"\" is the unnamed class, class=\"other\" what was over a cap."},
    {kCpuSeconds, kCounter, "pulsed_cpu_seconds_total", kByClass,
     "CPU time that polls of the class are proven to have used. Its rate is cores in use; divided "
     "by the rate of pulsed_polls_total it is the CPU time of a mean poll."},
    {kViolations, kCounter, "pulsed_violations_total", kByClass,
     "Polls that used more CPU time than the class's budget, each counted once, as soon as seen."},
    {kYieldsObeyed, kCounter, "pulsed_yields_obeyed_total", kByClass,
     "Polls that returned early because a yield directive asked them to, exact. Far below "
     "pulsed_directives_total{directive=\"yield\"}: the class has too few checkpoints."},
    {kIsolatedPolls, kCounter, "pulsed_isolated_polls_total", kByClass,
     "Polls that ran on threads of the isolation pool, exact; a part of pulsed_polls_total."},
    {kWouldYields, kCounter, "pulsed_would_yields_total", kByClass,
     "Polls that would have been asked to yield, had the class not been in shadow."},
    {kWouldIsolatedPolls, kCounter, "pulsed_would_isolated_polls_total", kByClass,
     "Polls that would have run on the isolation pool, had the class not been in shadow. Polls "
     "whose samples were dropped are missing."},
    {kWouldDemotions, kCounter, "pulsed_would_demotions_total", kByClass,
     "Polls whose thread would have had its OS priority lowered, had the class not been in "
     "shadow."},
    {kWouldCoverCpu, kCounter, "pulsed_would_cover_cpu_seconds_total", kByClass,
     "CPU time of the polls that something would have been done about, had the class not been in "
     "shadow, each counted once. Divided by pulsed_cpu_seconds_total it is the part of the class "
     "that a switch to enforce would touch."},
    {kPollDuration, kHistogram, "pulsed_poll_duration_seconds", kByClass,
     "Wall time of ended polls, begin to end. Built from samples: pulsed_polls_total counts the "
     "polls whose samples were dropped too."},
    {kQueueWait, kHistogram, "pulsed_queue_wait_seconds", kByClass,
     "From the moment a task could run to the beginning of its poll: the delay its users feel."},
    {kTasks, kGauge, "pulsed_tasks", kByClassAndTier, "Live tasks of the class at each tier, now."},
    {kClassTier, kGauge, "pulsed_class_tier", kByClassAndEnforcement,
     "Tier at which new tasks of the class begin, the highest of the service's processes: "
     "0 monitor, 1 warn, 2 yield, 3 isolate. Its label says what is done with the verdicts on this "
     "class: observe, shadow or enforce."},

    {kTierChanges, kCounter, "pulsed_tier_changes_total", kByMove,
     "Tasks that moved from one tier to another. A pair appears once it has happened."},
    {kClassTierChanges, kCounter, "pulsed_class_tier_changes_total", kByService,
     "Classes whose tier moved, up or down."},
    {kReportsWithheld, kCounter, "pulsed_reports_withheld_total", kByService,
     "Tier changes and held polls that were not logged, because their class's log lines of the "
     "minute were used up. They are events all the same; see pulsed_events_left_out_total."},
    {kDirectives, kCounter, "pulsed_directives_total", kByDirective,
     "Directives the daemon wrote for the service's tasks and polls. None are written in observe "
     "and shadow."},
    {kInFlightPolls, kGauge, "pulsed_in_flight_polls", kByBlame,
     "Polls in flight that hold their worker, over their budget or for spare_after by the clock, "
     "by what they do: burning CPU time, runnable but without a CPU, blocked in the kernel, or "
     "unknown. Behind a poll on the isolation pool nobody waits: it is not among them."},
    {kInFlightLongest, kGauge, "pulsed_in_flight_longest_seconds", kByService,
     "Wall time of the longest poll in flight now, but for those on the isolation pool; 0 if there "
     "is none."},
    {kDroppedSamples, kCounter, "pulsed_ring_dropped_samples_total", kByService,
     "Samples that full rings dropped. Rising: histograms miss polls, totals stay exact."},
    {kRejectedRecords, kCounter, "pulsed_rejected_records_total", kByService,
     "Records in the service's memory that made no sense and were ignored. Any rise is a defect "
     "of the service or its shim; many quarantine it."},
    {kSkippedSamples, kCounter, "pulsed_skipped_samples_total", kByService,
     "Samples too old to be judged when they were read, because the daemon had been stopped."},
    {kTasksWithoutSlot, kCounter, "pulsed_tasks_without_slot_total", kByService,
     "Tasks opened while the task table was full. Their polls count for their class; they have no "
     "tier of their own."},
    {kClockReads, kCounter, "pulsed_clock_reads_total", kByService,
     "Times the daemon read the CPU clock of a worker's thread itself."},
    {kLateClockReads, kCounter, "pulsed_late_clock_reads_total", kByService,
     "Of those, the ones whose CPU answered late, as one that a hypervisor runs something else on: "
     "what was counted since the one before proves nothing. Near pulsed_clock_reads_total: polls "
     "are judged at their end, if at all, and none is demoted."},
    {kHeldPolls, kCounter, "pulsed_held_polls_total", kByBlame,
     "Polls that held their worker for long or over their budget, by what most of that time went "
     "into until they were reported: burning CPU time, runnable without a CPU, blocked in the "
     "kernel (I/O, a lock), or unknown."},
    {kSpareWorkers, kGauge, "pulsed_spare_workers", kByState,
     "Spare workers attached now, by what they do: parked, or awake in the place of a worker that "
     "is held."},
    {kSpareWakes, kCounter, "pulsed_spare_wakes_total", kByService,
     "Times a spare worker was woken to take the place of a worker that is held."},
    {kWouldSpareWakes, kCounter, "pulsed_would_spare_wakes_total", kByService,
     "Times a spare worker would have been woken to take the place of a worker that is held, had "
     "the class of its poll not been in shadow."},
    {kSpareShortages, kCounter, "pulsed_spare_shortages_total", kByService,
     "Polls that held their worker while no spare worker was left for it, or none is allowed. "
     "Rising: raise max_spare_workers, or let the class be isolated."},
    {kDemotedThreads, kGauge, "pulsed_demoted_threads", kByService,
     "Threads at a lower OS priority now: of workers that burn in one poll, and of the isolation "
     "pool."},
    {kDemotions, kCounter, "pulsed_demotions_total", kByService,
     "Times a thread's OS priority was lowered."},
    {kDemotionsRefused, kCounter, "pulsed_demotions_refused_total", kByService,
     "Demotions that could not be: the thread has a real-time or already lower priority, or the "
     "system refused."},
    {kDemotionBoosts, kCounter, "pulsed_demotion_boosts_total", kByService,
     "Times a demoted thread got its own priority back for a while, because it had less than "
     "min_share of a CPU. Rising: the machine is full."},
    {kDemotedSeconds, kCounter, "pulsed_demoted_seconds_total", kByService,
     "Time threads spent at a lowered OS priority, summed over threads."},
    {kDemotionUndo, kHistogram, "pulsed_demotion_undo_seconds", kByService,
     "From the end of a demoted poll until its thread had its own priority back; its worker waits "
     "that long."},
    {kQuarantined, kGauge, "pulsed_quarantined", kByService,
     "1 if a process of the service is no longer judged because of repeated nonsense in its "
     "memory, else 0."},
    {kPinnedClasses, kGauge, "pulsed_pinned_classes", kByService,
     "Classes that an operator holds at a tier, now. Above 0 for long: somebody may have "
     "forgotten; "
     "pulsectl classes shows which."},
    {kServiceProcesses, kGauge, "pulsed_service_processes", kByService,
     "Processes of the service attached now. 0: the last has gone, and all series of the service "
     "go after series.keep_departed, 5 minutes by default, or sooner if other names need the "
     "room."},
    {kServiceWorkers, kGauge, "pulsed_service_workers", kByService,
     "Workers of the service attached now."},

    {kTickDuration, kHistogram, "pulsed_tick_duration_seconds", kByNothing,
     "Time one tick of the control loop takes to collect, decide and act, and to build pictures "
     "for readers: scrapes, the page's history, the API. With many classes "
     "these make the longest ticks."},
    {kTickLateness, kHistogram, "pulsed_tick_lateness_seconds", kByNothing,
     "How much later than asked the control loop woke. Hogs are seen that much later; "
     "pulsed_high_priority 0 is the usual cause."},
    {kSamples, kCounter, "pulsed_samples_total", kByNothing,
     "Samples read from the rings of all services."},
    {kAttaches, kCounter, "pulsed_attaches_total", kByNothing, "Processes that attached."},
    {kDetaches, kCounter, "pulsed_detaches_total", kByNothing,
     "Attached processes that detached or ended. Attaches minus detaches are attached now."},
    {kAttachesRefused, kCounter, "pulsed_attaches_refused_total", kByNothing,
     "Attach requests turned away: over a cap, of a wrong ABI, or from a user without the right."},
    {kQuarantines, kCounter, "pulsed_quarantines_total", kByNothing,
     "Processes put into quarantine because of repeated nonsense in their memory."},
    {kFoldedLabelValues, kCounter, "pulsed_folded_label_values_total", kByNothing,
     "Names of services and classes put under \"other\" because a cap was reached: "
     "series.label_values, series.classes_per_service or series.classes. A name that comes back "
     "counts again. Rising: names hold something that varies, such as an id, or the caps are too "
     "low."},
    {kEventsLeftOut, kCounter, "pulsed_events_left_out_total", kByNothing,
     "Tier changes, held polls and their ends that are no events, because one tick had too many: "
     "the API and the page miss them, other metrics count them."},
    {kPolicyInfo, kGauge, "pulsed_policy_info", kByPolicy,
     "Always 1. The revision of the policy in force, what is done with its verdicts where no rule "
     "says otherwise (observe, shadow or enforce), and the most that is done whatever rules say."},
    {kPolicyReloads, kCounter, "pulsed_policy_reloads_total", kByNothing,
     "Times that a changed policy was put in force, whether by a file or over the API."},
    {kPolicyReloadFailures, kCounter, "pulsed_policy_reload_failures_total", kByNothing,
     "Reloads (SIGHUP) that changed nothing, because pulsed.yaml or policy.yaml was refused. The "
     "log says why. A policy refused over the API is told to its caller alone."},
    {kHighPriority, kGauge, "pulsed_high_priority", kByNothing,
     "1 if the control loop runs at nice -20 or SCHED_FIFO, 0 if it lacks the right and may wake "
     "late beside busy threads."},
    {kExactRunTimes, kGauge, "pulsed_exact_run_times", kByNothing,
     "1 if the CPU time of polls in flight comes from perf events, 0 if from coarser sources."},
    {kCanDemote, kGauge, "pulsed_can_demote", kByNothing,
     "1 if the daemon may set OS priorities of services' threads and has a guardian to undo it, "
     "0 if it lacks CAP_SYS_NICE: then hogs are not demoted."},
    {kUndoneByGuardian, kCounter, "pulsed_demotions_undone_by_guardian_total", kByNothing,
     "Demoted threads that the guardian put back because the daemon stood still. Rising: the "
     "daemon is stopped or starved; see pulsed_tick_lateness_seconds."},
    {kRevisionsDurable, kGauge, "pulsed_revisions_durable", kByNothing,
     "1 if policy revisions are on disk, 0 if the state directory cannot be used: then the policy "
     "is in memory only, and changes over the API are refused. The log says why."},
    {kRevisionStoreFailures, kCounter, "pulsed_revision_store_failures_total", kByNothing,
     "Policy revisions that could not be stored, those of policy.yaml included. Rising: the disk "
     "of the state directory is full or failing."},
    {kHttpConnectionsRefused, kCounter, "pulsed_http_connections_refused_total", kByNothing,
     "HTTP connections turned away because too many were open, watchers not counted. Rising: "
     "scrapes are "
     "being lost."},
    {kHttpRepliesRefused, kCounter, "pulsed_http_replies_refused_total", kByNothing,
     "HTTP requests answered 503 because too many bytes of replies waited to be read. Rising: "
     "scrapes are "
     "being lost to clients that do not read."},
    {kHttpWatchersRefused, kCounter, "pulsed_http_watchers_refused_total", kByNothing,
     "Requests for /events answered 503 because too many watched already. Browsers try again by "
     "themselves, so one page too many makes it rise; scrapes are not touched."},
    {kHttpWatchers, kGauge, "pulsed_http_watchers", kByNothing,
     "Connections that follow /events now, as each open page does."},
    {kApiConnectionsRefused, kCounter, "pulsed_api_connections_refused_total", kByNothing,
     "Connections to the API's sockets that were closed: of users without the right, over a cap, "
     "or silent. The log says which."},
    {kApiCalls, kCounter, "pulsed_api_calls_total", kByCall,
     "Calls of the API that ended, by method and by gRPC status code; a stream counts at its end. "
     "A pair appears once it has happened. RESOURCE_EXHAUSTED of WatchEvents: a reader fell "
     "behind, or there were too many."},
    {kLogLinesDropped, kCounter, "pulsed_log_lines_dropped_total", kByNothing,
     "Lines of the daemon's log that were lost because nobody took them off its hands in time."},
    {kBuildInfo, kGauge, "pulsed_build_info", kByVersion, "Always 1. What is running."},

    {kProcessCpu, kCounter, "process_cpu_seconds_total", kByNothing,
     "CPU time the daemon's process has used, user and system. Its rate is cores in use."},
    {kProcessResident, kGauge, "process_resident_memory_bytes", kByNothing,
     "Resident memory of the daemon's process, the pages it shares with services included."},
    {kProcessOpenFds, kGauge, "process_open_fds", kByNothing,
     "File descriptors the daemon has open; each attached process takes some."},
    {kProcessMaxFds, kGauge, "process_max_fds", kByNothing,
     "The most file descriptors the daemon may have open. Near it services can no longer attach."},
    {kProcessStart, kGauge, "process_start_time_seconds", kByNothing,
     "When the daemon started, in seconds since the Unix epoch. It changed: a restart, so every "
     "counter began anew."},
}};

consteval bool in_order() {
  for (std::size_t i = 0; i < kSeriesCount; ++i) {
    if (static_cast<std::size_t>(kCatalogue[i].series) != i) return false;
  }
  return true;
}
static_assert(in_order());

// The serializer writes help as it is.
consteval bool help_needs_no_escapes() {
  for (const Entry& e : kCatalogue) {
    if (e.help.find_first_of("\n\\") != std::string_view::npos) return false;
  }
  return true;
}
static_assert(help_needs_no_escapes());

}  // namespace

std::span<const Entry, kSeriesCount> catalogue() { return kCatalogue; }

const Entry& entry(Series series) { return kCatalogue[static_cast<std::size_t>(series)]; }

}  // namespace pulsed::metrics
