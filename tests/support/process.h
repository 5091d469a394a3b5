// Processes that a test starts: each has its own deadline for ending, and none outlives its test.
//
//   Process daemon(Command{PULSED_BIN_DIR "/pulsed", {"--http", "off"}, .output = dir.path() + "/log"});
//   REQUIRE(wait_until([&] { return daemon.output().find("ready") != std::string::npos; }));
//   daemon.signal(SIGTERM);
//   CHECK(daemon.wait_end() == Ended{.code = 0});
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "shared_memory/segment.h"

namespace pulsed::test {

using std::chrono::milliseconds;

// Deadlines are multiplied by this: more under a sanitizer, and by PULSED_TEST_SLOW on a busy machine.
[[nodiscard]] int slowness();
[[nodiscard]] bool has_sanitizer();
// Trials: `all` with PULSED_TEST_FULL set, else `some`.
[[nodiscard]] int trials(int some, int all);

// Polls a condition until it holds or the deadline has passed. True if it held.
[[nodiscard]] bool wait_until(const std::function<bool()>& holds,
                              milliseconds deadline = milliseconds{20'000});

struct Command {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // beside the test's own
  std::string output{};         // a file for stdout and stderr; empty: pipes, see below
  std::optional<uid_t> user{};  // of another user; for a test that runs as root
  std::optional<rlim_t> descriptors{};
  bool own_group = false;  // a process group of its own: see signal_group
};

// How a process ended.
struct Ended {
  int code = 0;
  int signal = 0;
  friend bool operator==(const Ended&, const Ended&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Ended& e) {
    return out << "code " << e.code << ", signal " << e.signal;
  }
};

// Killed and reaped by the destructor. PULSED_ variables and those of systemd are kept from it, unless given. It dies
// with the test's main thread, whatever happens.
class Process {
 public:
  // Throws std::runtime_error if the program cannot be opened.
  explicit Process(const Command& command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  void signal_group(int number) const;
  void kill();  // SIGKILL, and reaps
  [[nodiscard]] bool was_killed() const { return killed_; }
  // Nothing if it still runs when the deadline has passed.
  [[nodiscard]] std::optional<Ended> wait_end(milliseconds deadline = milliseconds{20'000});

  // Everything it wrote so far; with `output` given.
  [[nodiscard]] std::string output() const;
  // Without `output`: one line each way. read_line throws std::runtime_error after the deadline or at its end.
  void write_line(const std::string& line);
  [[nodiscard]] std::string read_line(milliseconds deadline = milliseconds{20'000});

  [[nodiscard]] std::size_t resident_bytes() const;
  [[nodiscard]] std::size_t open_descriptors() const;

 private:
  [[noreturn]] void run_child(const Command& command, int program, char** argv, char** envp);

  std::string output_;
  shm::Fd in_;   // its stdin
  shm::Fd out_;  // its stdout
  std::string unread_;
  pid_t pid_ = -1;
  bool killed_ = false;
  std::optional<Ended> ended_;
};

}  // namespace pulsed::test
