// Says what happened, in the log and to the EventLog, with what an operator needs to find the code: class, worker, duration,
// blame.
//
// The control loop's thread alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/collect/service.h"
#include "daemon/event_log.h"
#include "daemon/log_budget.h"
#include "daemon/pins.h"
#include "daemon/policy/tier_manager.h"

namespace pulsed {

class Reporter {
 public:
  // Changes of tier, held polls and their ends that are events in one tick: a storm of them must not take the loop's time. Further ones
  // are counted.
  static constexpr std::uint32_t kMostOfATick = 1000;

  explicit Reporter(EventLog& events) : log_(events) {}

  // A line for each that is worth one, at most reports_per_minute a class. What is withheld is counted by the TierManager.
  void tier_changed(collect::Service& service, const policy::TierChange& change, policy::Time now);
  // A poll holds its worker. Its line is within the same bound.
  void poll_held(collect::Service& service, std::uint32_t worker, policy::Blame blame,
                 policy::Time now);
  // A poll that was reported has ended, or is looked at no more. `since_start`: from its begin until now.
  void held_poll_ended(const collect::Service& service, const collect::ReportedPoll& poll,
                       policy::Duration duration, bool at_most, policy::Duration since_start);
  void attached(const collect::Service& service, policy::Time now);
  void detached(const collect::Service& service, policy::Time now);
  void attach_refused(const std::string& why, policy::Time now);
  void quarantined(const collect::Service& service);
  void policy_in_force(const policy::Policy& policy, std::uint64_t revision, policy::Time now);
  void pin_changed(const Pins::Change& change, policy::Time now);

  // Hands over the events of the tick, or as many of them as can be had now.
  void end_tick();

  [[nodiscard]] std::uint64_t events_left_out() const { return events_left_out_ + log_.lost(); }

 private:
  // False: too many were, and this one is counted.
  [[nodiscard]] bool take_event();
  void add(std::string service, pid_t pid, decltype(Event::what) what);

  EventLog& log_;
  std::vector<Event> events_;                   // not handed over yet
  std::chrono::system_clock::time_point at_{};  // of the events of this tick
  std::uint32_t of_this_tick_ = 0;              // changes of tier, held polls and their ends
  std::uint64_t events_left_out_ = 0;
  LogBudget peer_lines_;  // attached and detached
  LogBudget refusal_lines_;
  LogBudget policy_lines_;
  LogBudget pin_lines_;
};

}  // namespace pulsed
