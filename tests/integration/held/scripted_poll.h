// A poll whose blame is known beforehand, and which measures itself so that it is known afterwards too: on a busy machine a
// poll meant to burn may well be kept from running.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/held/own_time.h"
#include "tests/integration/held/rivals.h"

namespace pulsed::test {

enum class Script {
  kBurn,        // uses CPU time
  kSleep,       // nanosleep
  kLock,        // a mutex that another thread holds
  kPipe,        // read(2) of an empty pipe
  kDescheduled  // would use CPU time, but for rivals pinned to the same CPU
};
[[nodiscard]] std::optional<Script> script_named(const std::string& name);

// CPU time used since the poll's begin, at that time since it.
struct Burned {
  microseconds wall;
  microseconds cpu;
};

// What the poll found out about itself.
struct OwnAccount {
  microseconds before_wait{};    // of a poll that waits: from its begin until it did
  std::vector<Burned> burned{};  // of one that does not
};

class ScriptedPoll {
 public:
  explicit ScriptedPoll(Script script);
  ~ScriptedPoll();
  ScriptedPoll(const ScriptedPoll&) = delete;
  ScriptedPoll& operator=(const ScriptedPoll&) = delete;

  void run();  // the poll's body
  [[nodiscard]] const OwnAccount& account() const { return account_; }

 private:
  void wait();
  void use_cpu();
  void release_waiter();  // another thread's part

  const Script script_;
  OwnAccount account_;
  std::optional<Rivals> rivals_;
  std::mutex lock_;
  int read_end_ = -1;
  int write_end_ = -1;
  std::mutex begun_mutex_;
  bool begun_ = false;
  bool lock_is_held_ = false;
  std::condition_variable begun_changed_;
  std::thread other_;
};

}  // namespace pulsed::test
