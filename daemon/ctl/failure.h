// How pulsectl ends, and what it says when something failed.
#pragma once

#include <stdexcept>
#include <string>

namespace pulsed::ctl {

// As --help and pulsectl(1) tell them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed =
    1;  // the daemon or the user said no, a check failed, or the editor or stdout did
inline constexpr int kExitUsage = 2;  // the command line, the environment or a file makes no sense
inline constexpr int kExitUnreachable = 3;  // no daemon, or it does not answer in time
inline constexpr int kExitConflict = 4;     // the policy changed meanwhile
inline constexpr int kExitNoRight = 5;      // not allowed to this user or certificate
inline constexpr int kExitInterrupted = 130;

// Ends the command; main prints `what()` on stderr, as "pulsectl: ...".
class Failed : public std::runtime_error {
 public:
  Failed(int exit_code, const std::string& message)
      : std::runtime_error(message), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace pulsed::ctl
