// `pulsectl policy edit`: the policy in force in an editor, and back.
#include <algorithm>
#include <iostream>
#include <string_view>

#include "daemon/config/policy_yaml.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/editor.h"
#include "daemon/ctl/output/printable.h"
#include "daemon/ctl/policy_change.h"

namespace pulsed::ctl {
namespace {

std::string text_to_edit(const v1::PolicyState& before) {
  return "# " + revision_line(before.revision()) +
         ".\n# What is saved is put in force, when it differs and holds. Comments are not kept.\n" +
         config::to_yaml(policy_of(before));
}

constexpr const char* kUnchanged = "pulsectl: unchanged, so nothing was done\n";

void take(Program& program, const v1::PolicyState& before, const std::string& text,
          const std::string& source, const ChangeOptions& options) {
  const policy::Policy next = read_policy_text(text, source);
  const std::string diff = diff_of(named(before), {"edited", next});
  if (diff.empty()) {
    std::cerr << kUnchanged;
    return;
  }
  show_change(program, diff, options);
  print_changed(program, update_policy(program.connection(), next, before, options), options);
}

// Nothing but comments would be a policy, too: the defaults. From an editor it is rather a change of mind, as in git.
bool says_nothing(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] != '#') return false;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return true;
}

// What there is of the user's work stays where it is.
Failed with_what_was_written(const Failed& failure, EditedFile& file, const std::string& offered) {
  if (!file.differs_from(offered)) return failure;
  file.keep();
  return {failure.exit_code(),
          std::string(failure.what()) + "\nWhat was written is in " + file.path().string()};
}

int edit_policy(Program& program, const ChangeOptions& options) {
  const v1::PolicyState before = get_policy(program.connection());
  const std::string offered = text_to_edit(before);
  EditedFile file(offered);
  for (;;) {
    try {
      file.edit();
      const std::string text = file.text();
      if (text == offered) {
        std::cerr << kUnchanged;
        return kExitOk;
      }
      if (says_nothing(text)) {
        std::cerr
            << "pulsectl: nothing is left of it, so nothing was done; `defaults: {}` is a policy\n";
        return kExitOk;
      }
      take(program, before, text, file.path().string(), options);
      return kExitOk;
    } catch (const Failed& e) {
      const bool can_be_mended = e.exit_code() == kExitUsage || e.exit_code() == kExitFailed;
      if (can_be_mended && somebody_answers()) {
        std::cerr << "pulsectl: " << printable_lines(e.what()) << '\n';
        if (confirmed("Edit it again?", true)) continue;
      }
      throw with_what_was_written(e, file, offered);
    }
  }
}

}  // namespace

void add_policy_edit(CLI::App& policy, Program& program) {
  CLI::App* command = policy.add_subcommand("edit", "change the policy in force in an editor");
  command->footer(
      "\nOpens $VISUAL, $EDITOR or vi. A mistake is shown, and may be edited again. What cannot be "
      "put in force stays in\n"
      "its temporary file, whose name is told. A file that is left empty, or as it was, changes "
      "nothing.\n");
  auto options = std::make_shared<ChangeOptions>();
  add_change_options(*command, *options);
  on_command(*command, program, [&program, options] { return edit_policy(program, *options); });
}

}  // namespace pulsed::ctl
