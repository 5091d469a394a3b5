// Completion for bash, also without the package bash-completion.
#include "daemon/ctl/completion/command_tree.h"

namespace pulsed::ctl {
namespace {

constexpr const char* kHead = R"(# bash completion for pulsectl, made by `pulsectl completion bash`

_pulsectl() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local command= word= words= options= files= i
  COMPREPLY=()
  # Bash breaks --output=json into three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
)";

constexpr const char* kFilesAndWords = R"(  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options $globals" -- "$cur"))
  elif [[ $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}

complete -F _pulsectl pulsectl
)";

bool takes_value(const CompletedOption& option) { return option.takes != Takes::kNothing; }

std::string names_of_valued(const CompletedCommand& root) {
  std::string names;
  for (const CompletedCommand* command : all_commands(root)) {
    for (const CompletedOption& option : command->options) {
      if (!takes_value(option)) continue;
      for (const std::string& name : option.names) {
        if (("|" + names + "|").find("|" + name + "|") != std::string::npos) continue;
        names += (names.empty() ? "" : "|") + name;
      }
    }
  }
  return names;
}

std::string answer(const CompletedOption& option) {
  switch (option.takes) {
    case Takes::kWords:
      return "COMPREPLY=($(compgen -W \"" + joined(option.words, " ") + "\" -- \"$cur\"))";
    case Takes::kFile:
      return "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
    case Takes::kDirectory:
      return "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
    default:
      return ":";
  }
}

// The words that lead to a command: "policy:set".
std::string steps(const CompletedCommand& root) {
  std::string text;
  for (const CompletedCommand* command : all_commands(root)) {
    if (command->path.empty()) continue;
    const std::vector<std::string> parent(command->path.begin(), command->path.end() - 1);
    text += (text.empty() ? "\"" : "|\"") + joined(parent, " ") + ":" + command->path.back() + "\"";
  }
  return text;
}

std::string option_names(const CompletedCommand& command) {
  std::vector<std::string> names;
  for (const CompletedOption& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return joined(names, " ");
}

// What may follow a command.
std::string command_case(const CompletedCommand& command) {
  std::string text = "    \"" + joined(command.path, " ") + "\")";
  if (!command.path.empty()) text += " options=\"" + option_names(command) + "\"";
  std::vector<std::string> words;
  for (const CompletedCommand& child : command.commands) words.push_back(child.path.back());
  for (const CompletedOption& argument : command.arguments) {
    words.insert(words.end(), argument.words.begin(), argument.words.end());
    if (argument.takes == Takes::kFile) text += " files=1";
  }
  if (!words.empty()) text += " words=\"" + joined(words, " ") + "\"";
  return text + " ;;\n";
}

}  // namespace

std::string bash_script(const CompletedCommand& root) {
  std::string text = kHead;
  text += "      " + names_of_valued(root) + ")\n";
  text += "        [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n        ((i++))\n        ;;\n";
  text += "      -* | =) ;;\n      *)\n        case \"$command:$word\" in\n";
  text += "          " + steps(root) + ") command=${command:+$command }$word ;;\n";
  text += "        esac\n        ;;\n    esac\n  done\n  case \"$command:$prev\" in\n";
  for (const CompletedCommand* command : all_commands(root)) {
    const std::string at = command->path.empty() ? "*" : "\"" + joined(command->path, " ") + "\"";
    for (const CompletedOption& option : command->options) {
      if (!takes_value(option)) continue;
      std::string names;
      for (const std::string& name : option.names)
        names += (names.empty() ? "" : " | ") + at + ":" + name;
      text += "    " + names + ") " + answer(option) + "; return ;;\n";
    }
  }
  text += "  esac\n  local globals=\"" + option_names(root) + "\"\n  case $command in\n";
  for (const CompletedCommand* command : all_commands(root)) text += command_case(*command);
  return text + "  esac\n" + kFilesAndWords;
}

}  // namespace pulsed::ctl
