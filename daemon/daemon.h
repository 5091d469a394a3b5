// The control loop: collect, decide, act, publish. One thread; nothing else writes policy state.
//
// The way of a sample: a worker's ring -> Collector -> TierManager -> DirectiveWriter -> the worker's next look at its
// task's word. daemon.cpp's tick() is that way, in order. Other threads hand in what happens to services (attach server),
// policies, pins and requests for snapshots and details, and read what is immutable.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/act/demoter.h"
#include "daemon/attach/attach_server.h"
#include "daemon/clocks/run_clock.h"
#include "daemon/collect/collector.h"
#include "daemon/config/config.h"
#include "daemon/controls.h"
#include "daemon/detailer.h"
#include "daemon/details.h"
#include "daemon/event_log.h"
#include "daemon/held_workers.h"
#include "daemon/ledger.h"
#include "daemon/loop_thread.h"
#include "daemon/orders.h"
#include "daemon/pins.h"
#include "daemon/policy/policy.h"
#include "daemon/policy_in_force.h"
#include "daemon/published.h"
#include "daemon/reporter.h"
#include "daemon/snapshot.h"
#include "shared_memory/tick_clock.h"

namespace pulsed {

class Daemon final : public SnapshotSource, public DetailsSource, public Controls {
 public:
  // In a run directory that the caller holds. The policy is that of `revision`, and in force from the start. Throws
  // std::runtime_error, with what to do.
  Daemon(const config::Config& config, policy::Policy policy, std::uint64_t revision,
         act::Demoter demoter, std::string version);
  ~Daemon() override;

  void start();
  // Takes every directive back, detaches every service and joins the threads.
  void stop();

  // In force from the next tick on; of several before it the last one wins. Any thread.
  void put_in_force(policy::Policy policy, std::uint64_t revision);
  // The same for the config: of it only what a reload may change.
  void reconfigure(const config::Config& config);
  void note_reload_failure() { reload_failures_.fetch_add(1, std::memory_order_relaxed); }

  [[nodiscard]] bool ready() const { return ready_.load(std::memory_order_acquire); }
  [[nodiscard]] std::shared_ptr<const Snapshot> fresh(std::chrono::milliseconds patience) override;
  [[nodiscard]] std::chrono::milliseconds since_last_tick() const override;
  [[nodiscard]] std::shared_ptr<const Details> details(std::chrono::milliseconds patience) override;
  [[nodiscard]] std::shared_ptr<const Details> workers(std::chrono::milliseconds patience) override;
  [[nodiscard]] bool pin(const ClassName& cls, policy::Tier tier,
                         std::optional<std::chrono::seconds> ttl) override;
  [[nodiscard]] bool unpin(const ClassName& cls) override;
  [[nodiscard]] EventLog& events() { return events_; }

 private:
  using Time = policy::Time;
  using Duration = policy::Duration;

  void run();
  // One turn of the loop; returns when the next is due.
  Time tick(Time now);
  void take_events(Time now);
  void take_orders(Time now);
  void attach(attach::AttachedService&& attached, Time now);
  void detach(attach::ServiceId id, Time now);
  void act(collect::Service& service, Time now);
  void collect_last(collect::Service& service, Time now);
  void beat();
  void note_undone(Time now);
  void lose_guardian(Time now);
  void judge_nonsense(collect::Service& service, Time now);
  void quarantine(collect::Service& service, Time now);
  [[nodiscard]] Time next_tick(Time now, const collect::Collected& collected);
  void note_policy();
  void publish(Time now);
  void publish_snapshot(Time now);
  void publish_details(Published<Details>& to, Listed listed);
  void feed_watchdog(Time now);
  [[nodiscard]] collect::Service* find(attach::ServiceId id);

  // The loop's thread alone.
  const std::string version_;
  shm::TickClock clock_;
  clocks::PerfEvents perf_events_;
  collect::Collector collector_;
  config::Loop loop_;
  Duration lease_;
  Ledger ledger_;
  EventLog events_;
  Reporter reporter_{events_};
  act::Demoter demoter_;
  HeldWorkers held_;
  PolicyInForce policy_;
  std::vector<std::unique_ptr<collect::Service>> services_;
  std::size_t first_service_ = 0;  // modulo their number: the one that this tick began with
  DaemonSnapshot counters_;
  Time last_tick_{};
  Time busy_until_{};
  Time watchdog_due_{};

  attach::AttachServer attach_server_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ready_{false};
  // Given as long to begin as to tick again.
  std::atomic<std::int64_t> ticked_at_ns_{monotonic_now().count()};
  std::atomic<std::uint64_t> reload_failures_{0};

  // To the loop.
  Orders orders_;
  Pins pins_;

  // From the loop.
  Published<Snapshot> snapshot_;
  Published<Details> details_;
  Published<Details> workers_;
};

}  // namespace pulsed
