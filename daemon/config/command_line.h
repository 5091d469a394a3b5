// The command line of `pulsed`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/settings.h"

namespace pulsed::config {

// Exit codes of `pulsed`, as --help tells them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // could not start or go on, or a check failed
inline constexpr int kExitRefused =
    2;  // the command line, the environment or a file makes no sense

enum class Action {
  kRun,
  kCheck,        // with errors kept for the table of checks
  kPrintPolicy,  // print `out`
  kExit,  // print `out` and `err`, exit with `exit_code`: --help, --version, or something refused
};

struct Invocation {
  Action action = Action::kExit;
  int exit_code = kExitOk;
  std::string out;
  std::string err;
  Sources sources;                  // for reload() and run_checks()
  Settings settings;                // with errors: the built-in policy, no files
  std::vector<ConfigError> errors;  // with kCheck only; otherwise they are in `err`
};

// `arguments` without the program's name. Reads the files too; prints nothing itself.
[[nodiscard]] Invocation parse_command_line(std::span<const char* const> arguments,
                                            std::string_view version,
                                            const Surroundings& surroundings);

}  // namespace pulsed::config
