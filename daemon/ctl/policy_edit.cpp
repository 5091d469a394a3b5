// `pulsectl policy edit`: the policy in force in an editor, and back.
#include <iostream>

#include "daemon/config/policy_yaml.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/editor.h"
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
      take(program, before, text, file.path().string(), options);
      return kExitOk;
    } catch (const Failed& e) {
      const bool can_be_mended = e.exit_code() == kExitUsage || e.exit_code() == kExitFailed;
      if (can_be_mended && somebody_answers()) {
        std::cerr << "pulsectl: " << e.what() << '\n';
        if (confirmed("Edit it again?", true)) continue;
      }
      file.keep();
      throw Failed(e.exit_code(),
                   std::string(e.what()) + "\nWhat was written is in " + file.path().string());
    }
  }
}

}  // namespace

void add_policy_edit(CLI::App& policy, Program& program) {
  CLI::App* command = policy.add_subcommand("edit", "change the policy in force in an editor");
  command->footer(
      "\nOpens $VISUAL, $EDITOR or vi. A mistake is shown, and may be edited again. What cannot be "
      "put in force stays in\n"
      "its temporary file, whose name is told.\n");
  auto options = std::make_shared<ChangeOptions>();
  add_change_options(*command, *options);
  on_command(*command, program, [&program, options] { return edit_policy(program, *options); });
}

}  // namespace pulsed::ctl
