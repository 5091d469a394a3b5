// The groups of commands, one file each. Every one declares its subcommands in `app`.
#pragma once

#include <CLI/CLI.hpp>

#include "daemon/ctl/program.h"

namespace pulsed::ctl {

void add_status(CLI::App& app, Program& program);  // status

}  // namespace pulsed::ctl
