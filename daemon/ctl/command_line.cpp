#include "daemon/ctl/command_line.h"

#include <iostream>
#include <string>
#include <vector>

#include "daemon/config/suggestion.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/output/printable.h"
#include "daemon/version.h"

namespace pulsed::ctl {
namespace {

constexpr const char* kFooter = R"(
`pulsectl COMMAND --help` says more of each. Options of pulsectl may stand before and behind a command.
What is not given comes from the environment (PULSED_RUN_DIR; PULSED_ADDRESS, PULSED_TLS_CA,
PULSED_TLS_CERT, PULSED_TLS_KEY; NO_COLOR), then from where pulsed itself listens by default.

Exit codes:
  0    done
  1    pulsed or whoever was asked said no, a check failed, or the editor or stdout did
  2    the command line, the environment or a file was refused
  3    pulsed cannot be reached, or did not answer in time
  4    the policy changed meanwhile, so nothing was changed
  5    this user or certificate has no right to do that
  130  ended by SIGINT or SIGTERM while it followed
)";

void declare_options(CLI::App& app, Program::Options& options) {
  const auto add = [&](const char* name, std::string& value, const char* kind, const char* help) {
    app.add_option(name, value, help)->type_name(kind);
  };
  add("--run-dir", options.endpoint.run_dir, "DIR",
      "where pulsed has its sockets (default: /run/pulsed, or $XDG_RUNTIME_DIR/pulsed)");
  add("--address", options.endpoint.address, "HOST:PORT", "reach pulsed over TCP instead");
  add("--tls-ca", options.endpoint.tls_ca, "FILE", "with --address: whom to trust, PEM");
  add("--tls-cert", options.endpoint.tls_cert, "FILE", "with --address: our certificate, PEM");
  add("--tls-key", options.endpoint.tls_key, "FILE", "with --address: its key, PEM");
  add("--timeout", options.endpoint.timeout, "TIME",
      "how long to wait for an answer (default: 5s)");
  add_choice(app, "-o,--output", options.output, kFormatNames, "how to print (default: table)");
  add_choice(app, "--color", options.color, kColorNames,
             "colours (default: auto, on a terminal unless NO_COLOR is set)");
  app.add_flag("--version", options.version, "print the version, and exit")
      ->disable_flag_override();
}

std::vector<std::string_view> names_of_commands(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string_view> names_of_options(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const CLI::App* a = &app; a != nullptr; a = a->get_parent()) {
    for (const CLI::Option* option : a->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back(name);
    }
  }
  return names;
}

// The command that was being given when parsing stopped.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  return *at;
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : full_name(*app.get_parent()) + " " + app.get_name();
}

// What CLI11 says of an argument that fits nowhere, in words that help.
std::string extras_text(const CLI::App& app) {
  const CLI::App& at = innermost(app);
  const std::string first = app.remaining(true).front();
  if (first.starts_with("--")) {
    const std::string name = first.substr(2, first.find('=') - 2);
    std::string text = "unknown option `--" + config::shown(name) + "`";
    const auto known = names_of_options(at);
    if (const auto near = config::nearest(name, known))
      text += "; did you mean `--" + std::string(*near) + "`?";
    return text;
  }
  const auto known = names_of_commands(at);
  if (known.empty() || first.starts_with("-"))
    return "unexpected argument `" + config::shown(first) + "`";
  return "unknown command `" + config::shown(first) + "`" + config::did_you_mean(first, known);
}

// In place of how many values CLI11 wants.
std::string value_text(const std::string& what) {
  const std::string name = what.substr(0, what.find(':'));
  return name + (what.find("At Most") == std::string::npos ? " needs a value"
                                                           : " is given more than once");
}

std::string parse_error_text(const CLI::App& app, const CLI::ParseError& error) {
  const bool stray = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                     dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (stray && !app.remaining(true).empty()) return extras_text(app);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return value_text(error.what());
  const CLI::App& at = innermost(app);
  if (!at.get_subcommands({}).empty()) return "a command is needed";
  return error.what();
}

int usage_error(const CLI::App& app, const std::string& text) {
  std::cerr << "pulsectl: " << printable_lines(text) << "\nSee `" << full_name(innermost(app))
            << " --help`.\n";
  return kExitUsage;
}

}  // namespace

std::unique_ptr<CLI::App> make_command_line(
    Program& program, const std::function<void(CLI::App&, Program&)>& add_rest) {
  auto app = std::make_unique<CLI::App>(
      "Shows what a running pulsed sees and does, and changes its policy.", "pulsectl");
  app->get_formatter()->column_width(34);
  app->set_help_flag("-h,--help", "this text");
  declare_options(*app, program.options);
  app->fallthrough();
  add_status(*app, program);
  add_lists(*app, program);
  add_classes(*app, program);
  add_rest(*app, program);
  add_events(*app, program);
  add_policy(*app, program);
  add_control(*app, program);
  add_check(*app, program);
  add_completion(*app, program);
  app->require_subcommand(0, 1);
  app->footer(kFooter);  // last: commands take over what stands when they are made
  return app;
}

int run_command_line(CLI::App& app, Program& program, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    if (program.options.version) {
      std::cout << "pulsectl " << version_text() << '\n';
      check_written();
      return kExitOk;
    }
    if (!program.action) return usage_error(app, "a command is needed");
    const int exit_code = program.action();
    check_written();
    return exit_code;
  } catch (const CLI::CallForHelp&) {
    const CLI::App& asked = innermost(app);
    std::cout << asked.help(asked.get_parent() == nullptr ? "" : full_name(*asked.get_parent()));
    return kExitOk;
  } catch (const CLI::ParseError& e) {
    return usage_error(app, parse_error_text(app, e));
  } catch (const Failed& e) {
    std::cout.flush();
    std::cerr << "pulsectl: " << printable_lines(e.what()) << '\n';
    return e.exit_code();
  } catch (const std::exception& e) {
    std::cerr << "pulsectl: " << printable_lines(e.what()) << '\n';
    return kExitFailed;
  }
}

}  // namespace pulsed::ctl
