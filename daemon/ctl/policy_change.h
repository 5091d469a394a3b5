// What every change of the policy goes through: it is shown, confirmed, and made from the revision that was read.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "daemon/ctl/policy_text.h"

namespace pulsed::ctl {

struct ChangeOptions {
  bool yes = false;
  bool dry_run = false;
  std::string comment;
};
void add_comment(CLI::App& command, std::string& comment);
void add_change_options(CLI::App& command, ChangeOptions& options);

// Asks on the terminal; `otherwise` without one, or when the answer is empty.
[[nodiscard]] bool confirmed(const std::string& question, bool otherwise);
[[nodiscard]] bool somebody_answers();  // stdin and stderr are a terminal

// Shows `change` and asks, unless --yes, --dry-run or no terminal. Throws Failed when the answer is no.
void show_change(const Program& program, const std::string& diff, const ChangeOptions& options);

// Put `next` in force in place of `before`. `etag`: of what it was made from. Throws Failed; with kExitConflict it says who
// was faster.
v1::PolicyState update_policy(Connection& connection, const policy::Policy& next,
                              const v1::PolicyState& before, const ChangeOptions& options);
v1::PolicyState rollback_policy(Connection& connection, std::uint64_t revision,
                                const v1::PolicyState& before, const ChangeOptions& options);

// "revision 13 is in force", or the message.
void print_changed(const Program& program, const v1::PolicyState& after,
                   const ChangeOptions& options);

}  // namespace pulsed::ctl
