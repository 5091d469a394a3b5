// The command line as completion needs it: read from what CLI11 was told, so that it cannot differ from --help.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace pulsed::ctl {

enum class Takes : std::uint8_t { kNothing, kAnything, kFile, kDirectory, kWords };

// An option, or with an empty `names` an argument without one.
struct CompletedOption {
  std::vector<std::string> names;  // "-o", "--output"
  std::string help;
  Takes takes = Takes::kNothing;
  std::string value;               // what its value is called: "FILE"
  std::vector<std::string> words;  // of kWords
};

struct CompletedCommand {
  std::vector<std::string> path;  // {"policy", "set"}; of pulsectl itself: empty
  std::string help;
  std::vector<CompletedOption> options;
  std::vector<CompletedOption> arguments;
  std::vector<CompletedCommand> commands;
};

[[nodiscard]] CompletedCommand command_tree(const CLI::App& app);

// The command and all below it, outermost first.
[[nodiscard]] std::vector<const CompletedCommand*> all_commands(const CompletedCommand& root);

[[nodiscard]] std::string joined(const std::vector<std::string>& words, const std::string& between);

[[nodiscard]] std::string bash_script(const CompletedCommand& root);
[[nodiscard]] std::string zsh_script(const CompletedCommand& root);
[[nodiscard]] std::string fish_script(const CompletedCommand& root);

}  // namespace pulsed::ctl
