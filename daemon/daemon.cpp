#include "daemon/daemon.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/loop_thread.h"
#include "daemon/sd_notify.h"

namespace pulsed {
namespace {

// After the last sample or poll in flight the loop stays awake this long: pauses inside a burst cost no detection time.
constexpr std::chrono::milliseconds kStayAwake{50};

attach::Limits limits_of(const config::Config& config) {
  attach::Limits limits;
  limits.services = config.limits.services;
  limits.services_per_uid = config.limits.services_per_uid;
  limits.most = {config.limits.workers, config.limits.ring_samples, config.limits.tasks,
                 config.limits.classes};
  limits.bytes_per_uid = config.limits.segment_bytes_per_uid;
  limits.allow_uids.assign(config.attach.allow_uids.begin(), config.attach.allow_uids.end());
  return limits;
}

Ledger::Caps caps_of(const config::Config& config) {
  const config::Series& series = config.series;
  return {series.label_values, series.label_values, series.classes_per_service, series.classes,
          series.keep_departed};
}

}  // namespace

Daemon::Daemon(const config::Config& config, policy::Policy policy, std::uint64_t revision,
               act::Demoter demoter, std::string version)
    : version_(std::move(version)),
      collector_(clock_, perf_events_.usable(),
                 [this](const collect::Service& service, const collect::ClassView& cls) {
                   return policy_.of(service, cls);
                 }),
      loop_(config.loop),
      lease_(config.lease),
      ledger_(caps_of(config)),
      demoter_(demoter),
      held_(demoter_, clock_, reporter_),
      policy_(std::move(policy), revision, held_),
      attach_server_(config.run_dir, limits_of(config),
                     {clock_.kind(), clock_.ticks_per_second()}) {
  counters_.version = version_;
  counters_.started_at = std::chrono::system_clock::now();
  counters_.exact_run_times = perf_events_.usable();
  counters_.demotes = demoter_.usable();
  note_policy();
  auto snapshot = std::make_shared<Snapshot>();  // of no time: it has not ticked yet
  snapshot->daemon = counters_;
  snapshot_.begin_with(std::move(snapshot));
}

Daemon::~Daemon() { stop(); }

void Daemon::start() {
  thread_ = std::thread([this] { run(); });
  attach_server_.start();
}

void Daemon::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  attach_server_.stop();
}

void Daemon::run() {
  ::pthread_setname_np(::pthread_self(), "pulsed-loop");
  std::string why_not = "loop.priority is normal";
  counters_.high_priority =
      loop_.priority == config::LoopPriority::kHigh && raise_priority(why_not);
  if (!counters_.high_priority)
    spdlog::warn("the control loop runs at ordinary priority: {}", why_not);
  if (!perf_events_.usable()) {
    spdlog::warn(
        "no right to read other processes' CPU clocks: services are asked instead; grant "
        "CAP_PERFMON");
  }
  last_tick_ = monotonic_now();
  Time due = last_tick_;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const Time now = monotonic_now();
    counters_.tick_lateness.observe_ns(
        static_cast<std::uint64_t>(std::max(Duration{}, now - due).count()));
    due = tick(now);
    counters_.tick_duration.observe_ns(static_cast<std::uint64_t>((monotonic_now() - now).count()));
    sleep_until(due);
  }
  for (const auto& service : services_) {
    held_.release(*service, monotonic_now());
    service->directives.release();
  }
  reporter_.end_tick();
  publish_snapshot(monotonic_now());
}

Daemon::Time Daemon::tick(Time now) {
  const std::uint64_t now_ticks = clock_.now();
  const bool stood_still = now - last_tick_ > lease_;
  take_orders(now);
  take_events(now);
  const collect::Moment begin{now, now_ticks};
  collect::Collected collected;
  const std::uint64_t lease_ticks = clock_.to_ticks(lease_);
  // What a tick may spend on all services together another one has first each time.
  ++first_service_;
  for (std::size_t n = 0; n < services_.size(); ++n) {
    const auto& service = services_[(first_service_ + n) % services_.size()];
    if (service->quarantined) continue;
    if (stood_still) {
      collector_.skip_backlog(*service);
      held_.release(*service, now);
    }
    collector_.collect(*service, begin, collected);
    service->tiers.tick(now);
    act(*service, now);
    held_.answer(*service, now);
    beat();
    service->directives.heartbeat(clock_.now(), lease_ticks);
    judge_nonsense(*service, now);
  }
  if (counters_.demotes && !demoter_.usable()) lose_guardian(now);
  note_undone(now);
  counters_.samples += collected.samples;
  last_tick_ = now;
  ticked_at_ns_.store(now.count(), std::memory_order_relaxed);
  reporter_.end_tick();
  publish(now);
  feed_watchdog(now);
  return next_tick(now, collected);
}

void Daemon::act(collect::Service& service, Time now) {
  for (const policy::TierChange& change : service.tiers.changes()) {
    if (change.task.slot == policy::kNoSlot) {
      service.directives.set_class(change.cls, change.to);
      ++service.class_changes;
    } else {
      // Its slot may have gone to another task within this tick.
      if (service.tiers.live(change.task))
        service.directives.set_task(change.task, change.cls, change.to);
      ++service.tier_changes[index(change.from)][index(change.to)];
    }
    reporter_.tier_changed(service, change, now);
  }
  for (const policy::TaskId task : service.tiers.reclassified()) {
    if (const auto cls = service.tiers.class_of(task))
      service.directives.set_task(task, *cls, service.tiers.tier(task));
  }
  service.tiers.clear_changes();
}

Daemon::Time Daemon::next_tick(Time now, const collect::Collected& collected) {
  if (collected.in_flight || collected.samples != 0) busy_until_ = now + kStayAwake;
  constexpr Duration kBetweenBeats = act::Guardian::kStale / 3;
  const Duration most = held_.demoted() != 0 ? kBetweenBeats : Duration::max();
  if (now >= busy_until_ && !policy_.working())
    return now + std::min<Duration>(loop_.rest_tick, most);
  Duration wait = std::min<Duration>(loop_.tick, most);
  if (collected.in_flight)
    wait = std::min(wait, std::max(collected.next_look, loop_.near_budget_tick));
  if (collected.more_waiting) wait = loop_.near_budget_tick;
  return now + wait;
}

void Daemon::take_events(Time now) {
  for (attach::Event& event : attach_server_.take_events()) {
    if (auto* attached = std::get_if<attach::Attached>(&event)) {
      attach(std::move(*attached->service), now);
    } else if (const auto* detached = std::get_if<attach::Detached>(&event)) {
      detach(detached->id, now);
    } else if (const auto* clocks = std::get_if<attach::ClocksRead>(&event)) {
      if (collect::Service* service = find(clocks->id))
        collector_.note_clocks(*service, clocks->clocks, now);
    } else if (const auto* refused = std::get_if<attach::Refused>(&event)) {
      ++counters_.attaches_refused;
      reporter_.attach_refused(refused->why, now);
    }
  }
  ready_.store(true, std::memory_order_release);
}

void Daemon::attach(attach::AttachedService&& attached, Time now) {
  services_.push_back(std::make_unique<collect::Service>(std::move(attached)));
  collect::Service& service = *services_.back();
  service.directives.heartbeat(clock_.now(), clock_.to_ticks(lease_));
  service.directives.set_revision(policy_.revision());
  policy_.admit(service, now);
  ++counters_.attaches;
  busy_until_ = now + kStayAwake;
  reporter_.attached(service, now);
}

void Daemon::detach(attach::ServiceId id, Time now) {
  const auto found = std::find_if(services_.begin(), services_.end(),
                                  [id](const auto& s) { return s->peer.id == id; });
  if (found == services_.end()) return;
  collect::Service& service = **found;
  held_.release(service, now);
  if (!service.quarantined) {
    collect_last(service, now);
    collector_.read_totals(service, [this] { beat(); });
  }
  ledger_.close(service, now);
  ++counters_.detaches;
  reporter_.detached(service, now);
  services_.erase(found);
}

// What it wrote before it left: several ticks' worth at most, the rest is counted as skipped.
void Daemon::collect_last(collect::Service& service, Time now) {
  constexpr int kMostRounds = 16;
  collect::Collected collected;
  collected.more_waiting = true;
  for (int round = 0; round < kMostRounds && collected.more_waiting; ++round) {
    collected.more_waiting = false;
    collector_.collect(service, {now, clock_.now()}, collected);
    act(service, now);
  }
  counters_.samples += collected.samples;
  if (collected.more_waiting) collector_.skip_backlog(service);
}

collect::Service* Daemon::find(attach::ServiceId id) {
  const auto found = std::find_if(services_.begin(), services_.end(),
                                  [id](const auto& s) { return s->peer.id == id; });
  return found == services_.end() ? nullptr : found->get();
}

// The guardian takes a loop that does not beat for one that stands still.
void Daemon::beat() {
  if (held_.demoted() != 0) demoter_.beat(static_cast<std::uint64_t>(monotonic_now().count()));
}

// Whom the guardian put back as the loop stood still is not demoted any more: what holds a worker still is demoted anew.
void Daemon::note_undone(Time now) {
  const std::uint64_t undone = demoter_.undone_by_guardian();
  if (undone == counters_.undone_by_guardian) return;
  counters_.undone_by_guardian = undone;
  for (const auto& service : services_) held_.restore_threads(*service, now);
}

// What it had demoted was put back when it was found missing.
void Daemon::lose_guardian(Time now) {
  counters_.demotes = false;
  for (const auto& service : services_) {
    if (service->quarantined) continue;
    held_.restore_threads(*service, now);
    policy_.admit(*service, now);
  }
  spdlog::error(
      "the guardian of demoted threads has gone: nothing is demoted any more, as nobody would undo "
      "it after us; restart pulsed to have both again");
}

void Daemon::judge_nonsense(collect::Service& service, Time now) {
  if (service.nonsense > collect::kNonsenseToQuarantine) {
    quarantine(service, now);
  } else if (now - service.nonsense_since > collect::kNonsenseWindow) {
    service.nonsense = 0;
    service.nonsense_since = now;
  }
}

void Daemon::quarantine(collect::Service& service, Time now) {
  service.quarantined = true;
  held_.release(service, now);
  service.words.set_abilities(0);
  service.directives.release();
  for (collect::WorkerView& worker : service.workers)
    worker.current.valid = false;  // not looked at any more
  ++counters_.quarantines;
  reporter_.quarantined(service);
}

void Daemon::put_in_force(policy::Policy policy, std::uint64_t revision) {
  orders_.put(std::move(policy), revision);
}

void Daemon::reconfigure(const config::Config& config) { orders_.put(config); }

void Daemon::take_orders(Time now) {
  Orders::Taken taken = orders_.take();
  if (taken.config) {
    loop_ = taken.config->loop;
    lease_ = taken.config->lease;
    ledger_.set_caps(caps_of(*taken.config));
  }
  for (const Pins::Change& change : pins_.take_changes(now)) {
    policy_.pin(change, services_);
    reporter_.pin_changed(change, now);
  }
  if (taken.policy)
    policy_.change(std::move(taken.policy->policy), taken.policy->revision, services_, now);
  if (!policy_.go_on(services_, now)) return;
  ++counters_.policy_reloads;
  note_policy();
  reporter_.policy_in_force(policy_.policy(), policy_.revision(), now);
}

void Daemon::note_policy() {
  counters_.policy_revision = policy_.revision();
  counters_.enforcement = policy_.policy().enforcement;
  counters_.enforcement_limit = policy_.policy().enforcement_limit;
  counters_.profile = policy_.policy().profile;
}

void Daemon::publish(Time now) {
  if (snapshot_.wanted(now)) publish_snapshot(now);
  if (details_.wanted(now)) publish_details(details_, Listed::kWorkersAndTasks);
  if (workers_.wanted(now)) publish_details(workers_, Listed::kWorkers);
}

void Daemon::publish_details(Published<Details>& to, Listed listed) {
  const Duration before = thread_cpu();
  auto details = build_details(services_, clock_, listed, [this] { beat(); });
  to.publish(std::move(details), monotonic_now(), thread_cpu() - before);
}

void Daemon::publish_snapshot(Time now) {
  const Duration before = thread_cpu();
  auto snapshot = std::make_shared<Snapshot>();
  for (const auto& service : services_) {
    if (!service->quarantined) collector_.read_totals(*service, [this] { beat(); });
  }
  snapshot->at = now;
  counters_.policy_reload_failures = reload_failures_.load(std::memory_order_relaxed);
  counters_.events_left_out = reporter_.events_left_out();
  snapshot->daemon = counters_;
  ledger_.fill(*snapshot, services_, clock_, now, [this] { beat(); });
  snapshot_.publish(std::move(snapshot), monotonic_now(), thread_cpu() - before);
}

std::shared_ptr<const Snapshot> Daemon::fresh(std::chrono::milliseconds patience) {
  return snapshot_.fresh(patience);
}

std::chrono::milliseconds Daemon::since_last_tick() const {
  const Time last{ticked_at_ns_.load(std::memory_order_relaxed)};
  return std::chrono::duration_cast<std::chrono::milliseconds>(monotonic_now() - last);
}

std::shared_ptr<const Details> Daemon::details(std::chrono::milliseconds patience) {
  return details_.fresh(patience);
}

std::shared_ptr<const Details> Daemon::workers(std::chrono::milliseconds patience) {
  return workers_.fresh(patience);
}

bool Daemon::pin(const ClassName& cls, policy::Tier tier, std::optional<std::chrono::seconds> ttl) {
  // Longer than anything runs, and far from what a moment can hold.
  constexpr std::chrono::hours kMostTtl{24 * 3650};
  const Time now = monotonic_now();
  std::optional<Time> until;
  if (ttl) until = now + std::min<std::chrono::seconds>(*ttl, kMostTtl);
  return pins_.pin(cls, tier, until, now);
}

bool Daemon::unpin(const ClassName& cls) { return pins_.unpin(cls, monotonic_now()); }

void Daemon::feed_watchdog(Time now) {
  static const std::optional<std::chrono::nanoseconds> interval = watchdog_interval();
  if (!interval || now < watchdog_due_) return;
  watchdog_due_ = now + *interval;
  sd_notify("WATCHDOG=1");
}

}  // namespace pulsed
