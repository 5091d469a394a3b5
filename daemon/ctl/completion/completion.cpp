// `pulsectl completion bash|zsh|fish`.
#include <array>
#include <iostream>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/completion/command_tree.h"

namespace pulsed::ctl {
namespace {

constexpr std::array<std::string_view, 3> kShells{"bash", "zsh", "fish"};

std::string script(const CLI::App& app, const std::string& shell) {
  const CompletedCommand root = command_tree(app);
  if (shell == "bash") return bash_script(root);
  return shell == "zsh" ? zsh_script(root) : fish_script(root);
}

}  // namespace

void add_completion(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand("completion", "print what completes pulsectl in a shell");
  command->footer(
      "\nPackages install it. By hand: `pulsectl completion bash > "
      "~/.local/share/bash-completion/completions/pulsectl`.\n");
  auto shell = std::make_shared<std::string>();
  add_choice(*command, "shell", *shell, kShells, "whose")->required();
  on_command(*command, program, [&app, shell] {
    std::cout << script(app, *shell);
    return kExitOk;
  });
}

}  // namespace pulsed::ctl
