// Signals as something to poll for, and the terminal put right even when we crash or hang.
//
// SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT and SIGWINCH are read here, in order. Whoever is asked to end and does not
// within two seconds, because a terminal takes no more output, is ended all the same.
#pragma once

#include <signal.h>
#include <termios.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

namespace pulsed::ctl::top {

// One at a time in a process.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] int fd() const { return pipe_[0]; }
  [[nodiscard]] std::optional<int> next();  // does not wait

  // Stops the process as the terminal asked it to; returns when it goes on.
  void stop();

 private:
  static constexpr std::size_t kMost = 16;
  std::array<int, 2> pipe_{-1, -1};
  std::array<struct sigaction, kMost> before_{};
};

// Ends the process as `signal` does by default, for whoever waits for it.
void die_by(int signal);

// While it lives, a crash, or a hang at the end, leaves the terminal as `settings` has it, after `sequence`.
class Rescue {
 public:
  Rescue(const termios& settings, const std::string& sequence);
  ~Rescue();
  Rescue(const Rescue&) = delete;
  Rescue& operator=(const Rescue&) = delete;
};

}  // namespace pulsed::ctl::top
