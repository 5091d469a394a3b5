// What the tests of held workers share: policies, the daemon's lines about held polls, its guardian, and waiting for threads
// to be as they were.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/integration/held/held_service.h"
#include "tests/support/daemon_process.h"
#include "tests/support/os_priority.h"

namespace pulsed::test {

// Defaults but for these lines ("  demote_to: idle\n"), and every report is logged.
[[nodiscard]] std::string hold_policy(const std::string& defaults = "",
                                      const std::string& enforcement = "enforce",
                                      const std::string& rules = "");
// Puts a policy in force by SIGHUP. False if that does not happen.
[[nodiscard]] bool reload(DaemonProcess& daemon, const std::string& policy);

// False, and says so, where the test's own rights are not enough for a daemon that demotes.
[[nodiscard]] bool demotes(const DaemonProcess& daemon);

// A line of the log about a poll that holds its worker.
struct HeldLine {
  std::string cls;
  std::string worker;  // "0 (worker-0, thread 123)"
  double held_ms;
  std::string blame;
  std::string channel;  // where it waits, if it does and that may be read
  double burned_ms;
};
[[nodiscard]] std::vector<HeldLine> held_lines(const std::string& log, const std::string& cls);

// The process that undoes the daemon's demotions when it is killed; 0 if there is none.
[[nodiscard]] pid_t guardian_of(pid_t daemon);
[[nodiscard]] bool has_ended(pid_t pid);

// How many milliseconds until all threads of the process have their own priorities; nothing if they do not get them.
[[nodiscard]] std::optional<double> back_after_ms(const PriorityWatch& watch);
[[nodiscard]] bool someone_is_lowered(const PriorityWatch& watch);

// In milliseconds.
struct Distribution {
  explicit Distribution(std::vector<double> values);
  double p50 = 0;
  double p99 = 0;
  double most = 0;
  friend std::ostream& operator<<(std::ostream& out, const Distribution& d);
};

}  // namespace pulsed::test
