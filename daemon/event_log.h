// What happened, lately: changes of tier, polls that held their workers, services that came and went, policies.
//
// The control loop (and whoever pins or changes policies, through the loop) writes; any number of readers follow, each
// with a cursor of its own into the one bounded log, so that a slow reader costs nothing: it finds that what it wanted is
// no longer kept.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/policy/tier_change.h"

namespace pulsed {

struct TierChanged {
  std::string task_class;
  std::optional<policy::TaskId> task;  // none: the class itself
  policy::Tier from{};
  policy::Tier to{};
  policy::Reason reason{};
  policy::Duration poll_cpu{};
  policy::Enforcement enforcement{};  // that held for the class
};
struct PollHeld {
  std::string task_class;
  std::uint32_t worker = 0;
  std::string thread_name;
  policy::Duration age{};
  policy::Duration cpu{};
  policy::Blame blame{};
  policy::Enforcement enforcement{};
  policy::Tier tier{};  // of its task
};
// A poll that was a PollHeld before.
struct HeldPollEnded {
  std::string task_class;
  std::uint32_t worker = 0;
  std::string thread_name;
  std::chrono::system_clock::time_point start;
  policy::Duration duration{};  // wall time
  bool at_most = false;         // it is when the poll was seen to be gone, or no longer looked at
  policy::Tier tier{};          // of its task, when last seen in flight
  policy::Blame blame{};        // what most of it was spent with
};
struct ServiceAttached {
  uid_t uid = 0;
};
struct ServiceDetached {};
struct ServiceQuarantined {
  std::uint64_t rejected_records = 0;
};
struct PolicyChanged {
  std::uint64_t revision = 0;
  policy::Enforcement enforcement{};
};
struct PinChanged {
  std::string task_class;
  std::optional<policy::Tier> tier;  // none: unpinned
};

struct Event {
  std::uint64_t sequence = 0;  // given by the log; counts up from 1 by 1
  std::chrono::system_clock::time_point at;
  std::string service;  // empty: the daemon
  pid_t pid = 0;
  std::variant<TierChanged, PollHeld, HeldPollEnded, ServiceAttached, ServiceDetached,
               ServiceQuarantined, PolicyChanged, PinChanged>
      what;
};

// Thread-safe.
class EventLog {
 public:
  static constexpr std::size_t kKept = 8192;

  EventLog();

  // Gives them their numbers, in order. Never waits for a reader: what cannot be had at this moment stays in `events`, to be
  // offered again with the next. Of more than kKept at once the oldest are lost, and so are their numbers. The control loop
  // alone.
  void append(std::vector<Event>& events);

  // So far, of events that were given to it. The control loop alone.
  [[nodiscard]] std::uint64_t lost() const { return lost_in_all_; }

  // Differs from one run of the daemon to the next.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t last() const;  // sequence number; 0: nothing yet

  // Up to `most` events after that number; nothing if some of these are no longer kept, or were never given.
  [[nodiscard]] std::optional<std::vector<Event>> after(std::uint64_t sequence,
                                                        std::size_t most) const;

  // Waits until there is an event after that number, at most `patience`. False: there is none.
  bool wait(std::uint64_t sequence, std::chrono::milliseconds patience) const;

 private:
  const std::uint64_t epoch_;
  mutable std::mutex mutex_;
  mutable std::condition_variable appended_;
  std::deque<std::shared_ptr<const Event>> events_;  // the last of them has the number last_
  std::uint64_t last_ = 0;
  std::uint64_t lost_ = 0;  // before they had numbers; the loop's alone, as the next
  std::uint64_t lost_in_all_ = 0;
};

}  // namespace pulsed
