// Completion for zsh: a function a command.
#include "daemon/ctl/completion/command_tree.h"

namespace pulsed::ctl {
namespace {

std::string escaped(const std::string& text, const std::string& special) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (special.find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string function_name(const CompletedCommand& command) {
  std::vector<std::string> parts{"_pulsectl"};
  parts.insert(parts.end(), command.path.begin(), command.path.end());
  return joined(parts, "_");
}

std::string action(const CompletedOption& option) {
  const std::string message =
      ":" + (option.words.empty() ? escaped(option.value, ":") : "word") + ":";
  switch (option.takes) {
    case Takes::kNothing:
      return "";
    case Takes::kAnything:
      return message;
    case Takes::kFile:
      return message + "_files";
    case Takes::kDirectory:
      return message + "_files -/";
    case Takes::kWords:
      return message + "(" + joined(option.words, " ") + ")";
  }
  return "";
}

// '(-o --output)'{-o,--output=}'[how to print]:word:(table json yaml)'
std::string option_spec(const CompletedOption& option) {
  std::vector<std::string> names = option.names;
  if (option.takes != Takes::kNothing) {
    for (std::string& name : names) name += name.starts_with("--") ? "=" : "+";
  }
  const std::string rest = "[" + escaped(option.help, "[]:\\") + "]" + action(option);
  if (names.size() == 1) return "'" + names.front() + rest + "'";
  return "'(" + joined(option.names, " ") + ")'{" + joined(names, ",") + "}'" + rest + "'";
}

std::string arguments_of(const CompletedCommand& command) {
  std::string text;
  for (const CompletedOption& option : command.options) text += " \\\n    " + option_spec(option);
  for (std::size_t i = 0; i < command.arguments.size(); ++i) {
    text += " \\\n    '" + std::to_string(i + 1) + action(command.arguments[i]) + "'";
  }
  return text;
}

// _arguments in a command whose first argument is another command.
std::string with_commands(const CompletedCommand& command) {
  std::string text = "  local curcontext=\"$curcontext\" state line\n  local -a commands=(\n";
  for (const CompletedCommand& child : command.commands) {
    text += "    '" + child.path.back() + ":" + escaped(child.help, ":\\") + "'\n";
  }
  const std::string globals = command.path.empty() ? "" : " $_pulsectl_globals";
  text +=
      "  )\n  _arguments -s -C :" + globals + arguments_of(command) +
      " \\\n    '1: :->command' \\\n    '*:: :->rest'\n  case $state in\n"
      "    command) _describe -t commands command commands ;;\n    rest)\n      case $line[1] in\n";
  for (const CompletedCommand& child : command.commands) {
    text += "        " + child.path.back() + ") " + function_name(child) + " ;;\n";
  }
  return text + "      esac\n      ;;\n  esac\n";
}

std::string function_of(const CompletedCommand& command) {
  std::string text = function_name(command) + "() {\n";
  if (command.commands.empty()) {
    text += "  _arguments -s : $_pulsectl_globals" + arguments_of(command) + "\n";
  } else {
    text += with_commands(command);
  }
  return text + "}\n\n";
}

}  // namespace

std::string zsh_script(const CompletedCommand& root) {
  std::string text =
      "#compdef pulsectl\n# zsh completion for pulsectl, made by `pulsectl completion zsh`\n\n";
  // Commands have --help themselves.
  text += "typeset -ga _pulsectl_globals=(\n";
  for (const CompletedOption& option : root.options) {
    if (option.names.back() != "--help") text += "  " + option_spec(option) + "\n";
  }
  text += ")\n\n";
  for (const CompletedCommand* command : all_commands(root)) text += function_of(*command);
  return text +
         "if [[ $funcstack[1] == _pulsectl ]]; then\n  _pulsectl \"$@\"\nelse\n  compdef _pulsectl "
         "pulsectl\nfi\n";
}

}  // namespace pulsed::ctl
