// Completion for fish: a line an option, a line a command.
#include <algorithm>

#include "daemon/ctl/completion/command_tree.h"

namespace pulsed::ctl {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string at(const CompletedCommand& command) {
  return " -n " + quoted("__pulsectl_at " + quoted(joined(command.path, " ")));
}

std::string value_of(const CompletedOption& option) {
  switch (option.takes) {
    case Takes::kNothing:
      return "";
    case Takes::kAnything:
      return " -x";
    case Takes::kFile:
      return " -r -F";
    case Takes::kDirectory:
      return " -x -a '(__fish_complete_directories)'";
    case Takes::kWords:
      return " -x -a " + quoted(joined(option.words, " "));
  }
  return "";
}

std::string option_line(const std::string& condition, const CompletedOption& option) {
  std::string line = "complete -c pulsectl" + condition;
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  return line + value_of(option) + " -d " + quoted(option.help) + "\n";
}

std::string lines_of(const CompletedCommand& command) {
  std::string text;
  for (const CompletedOption& option : command.options) {
    text += option_line(command.path.empty() ? "" : at(command), option);
  }
  for (const CompletedOption& argument : command.arguments) {
    if (argument.takes == Takes::kFile) text += "complete -c pulsectl" + at(command) + " -F\n";
    if (argument.takes != Takes::kWords) continue;
    text +=
        "complete -c pulsectl" + at(command) + " -a " + quoted(joined(argument.words, " ")) + "\n";
  }
  for (const CompletedCommand& child : command.commands) {
    text += "complete -c pulsectl" + at(command) + " -a " + child.path.back() + " -d " +
            quoted(child.help) + "\n";
  }
  return text;
}

// The command that the words so far name; values of options are no commands.
std::string path_function(const CompletedCommand& root) {
  std::vector<std::string> valued;
  std::vector<std::string> paths;
  for (const CompletedCommand* command : all_commands(root)) {
    if (!command->path.empty()) paths.push_back(quoted(joined(command->path, " ")));
    for (const CompletedOption& option : command->options) {
      if (option.takes == Takes::kNothing) continue;
      for (const std::string& name : option.names) {
        if (std::find(valued.begin(), valued.end(), name) == valued.end()) valued.push_back(name);
      }
    }
  }
  return "function __pulsectl_at\n"
         "    set -l path\n"
         "    set -l is_value no\n"
         "    for word in (commandline -opc)[2..-1]\n"
         "        if test $is_value = yes\n"
         "            set is_value no\n"
         "        else if contains -- $word " +
         joined(valued, " ") +
         "\n"
         "            set is_value yes\n"
         "        else if contains -- (string join ' ' -- $path $word) " +
         joined(paths, " ") +
         "\n"
         "            set -a path $word\n"
         "        end\n"
         "    end\n"
         "    test \"$path\" = \"$argv\"\n"
         "end\n\n";
}

}  // namespace

std::string fish_script(const CompletedCommand& root) {
  std::string text = "# fish completion for pulsectl, made by `pulsectl completion fish`\n\n";
  text += path_function(root) + "complete -c pulsectl -f\n";
  for (const CompletedCommand* command : all_commands(root)) text += lines_of(*command);
  return text;
}

}  // namespace pulsed::ctl
