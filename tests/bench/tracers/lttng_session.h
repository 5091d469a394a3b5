// A recording session of LTTng: events of this user go into rings of their CPUs, the oldest being overwritten, as in a
// flight recorder. So none is dropped, which would cost less, and nothing writes a file meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace pulsed::bench {

class LttngSession {
 public:
  static constexpr std::uintmax_t kRingBytes = 2 << 20;  // of each CPU

  // Records from then on, in the session daemon that runs, else in one that is started for it. Processes that load
  // liblttng-ust afterwards find it, this one included. Throws std::runtime_error, saying what is missing. To be made
  // while no other thread runs, since it sets a variable of the environment.
  explicit LttngSession(const std::string& events);
  ~LttngSession();
  LttngSession(const LttngSession&) = delete;
  LttngSession& operator=(const LttngSession&) = delete;

  // What the rings hold.
  [[nodiscard]] std::uintmax_t recorded_bytes();

 private:
  [[nodiscard]] test::Command command(const std::string& program,
                                      std::vector<std::string> arguments) const;
  [[nodiscard]] test::Ended lttng(std::vector<std::string> arguments) const;
  void must(const std::vector<std::string>& arguments) const;
  void find_daemon();
  void start(const std::string& events) const;
  void stop() const;
  [[nodiscard]] std::string last_line() const;

  test::TempDir home_;  // of LTTng's files, if this user is not root
  std::string name_;
  std::unique_ptr<test::Process> daemon_;  // null: there was one
};

}  // namespace pulsed::bench
