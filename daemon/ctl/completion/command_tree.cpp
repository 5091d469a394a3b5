#include "daemon/ctl/completion/command_tree.h"

namespace pulsed::ctl {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

void take_value(const CLI::Option& option, CompletedOption& completed) {
  completed.value = option.get_type_name();
  if (option.get_expected_max() == 0) return;
  if (completed.value.find('|') != std::string::npos) {
    completed.takes = Takes::kWords;
    completed.words = split(completed.value, '|');
  } else if (completed.value == "DIR") {
    completed.takes = Takes::kDirectory;
  } else {
    completed.takes = completed.value.ends_with("FILE") ? Takes::kFile : Takes::kAnything;
  }
}

CompletedOption completed(const CLI::Option& option) {
  CompletedOption result;
  result.help = option.get_description();
  for (const std::string& name : option.get_snames()) result.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) result.names.push_back("--" + name);
  take_value(option, result);
  return result;
}

CompletedCommand completed(const CLI::App& app, std::vector<std::string> path) {
  CompletedCommand command;
  command.help = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? command.arguments : command.options).push_back(completed(*option));
  }
  for (const CLI::App* child : app.get_subcommands({})) {
    std::vector<std::string> child_path = path;
    child_path.push_back(child->get_name());
    command.commands.push_back(completed(*child, std::move(child_path)));
  }
  command.path = std::move(path);
  return command;
}

void collect(const CompletedCommand& command, std::vector<const CompletedCommand*>& all) {
  all.push_back(&command);
  for (const CompletedCommand& child : command.commands) collect(child, all);
}

}  // namespace

CompletedCommand command_tree(const CLI::App& app) { return completed(app, {}); }

std::vector<const CompletedCommand*> all_commands(const CompletedCommand& root) {
  std::vector<const CompletedCommand*> all;
  collect(root, all);
  return all;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

}  // namespace pulsed::ctl
