// The groups of commands, one file each. Every one declares its subcommands in `app`.
#pragma once

#include <CLI/CLI.hpp>

#include "daemon/ctl/program.h"

namespace pulsed::ctl {

void add_status(CLI::App& app, Program& program);
void add_lists(CLI::App& app, Program& program);  // services, tasks, workers
void add_classes(CLI::App& app, Program& program);
void add_events(CLI::App& app, Program& program);
void add_policy(CLI::App& app, Program& program);
void add_control(CLI::App& app, Program& program);  // pin, unpin, enforcement
void add_check(CLI::App& app, Program& program);
void add_completion(CLI::App& app, Program& program);

// Of `policy`, each in a file of its own.
void add_policy_read(CLI::App& policy, Program& program);     // get, validate, diff, explain
void add_policy_history(CLI::App& policy, Program& program);  // history, watch
void add_policy_change(CLI::App& policy, Program& program);   // set, rollback
void add_policy_edit(CLI::App& policy, Program& program);

}  // namespace pulsed::ctl
