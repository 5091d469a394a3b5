// The command line of pulsectl as a whole: its options, its commands, and what it says of itself.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "daemon/ctl/program.h"

namespace pulsed::ctl {

// `add_rest` adds commands of other folders.
[[nodiscard]] std::unique_ptr<CLI::App> make_command_line(
    Program& program, const std::function<void(CLI::App&, Program&)>& add_rest);

// Parses, runs, and returns the exit code; says on stderr what failed.
[[nodiscard]] int run_command_line(CLI::App& app, Program& program, int argc,
                                   const char* const* argv);

}  // namespace pulsed::ctl
