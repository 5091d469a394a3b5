#include "daemon/config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "daemon/config/policy_yaml.h"
#include "daemon/config/suggestion.h"

namespace pulsed::config {
namespace {

constexpr std::string_view kDescription =
    "Watches the polls of async services while they run, and keeps a long one from stalling the "
    "rest.";

constexpr std::string_view kFooter = R"(
Settings come from flags, then the environment (PULSED_CONFIG, PULSED_POLICY, PULSED_RUN_DIR,
PULSED_STATE_DIR, PULSED_HTTP, PULSED_LOG_LEVEL), then the configuration file, then defaults.
SIGHUP reads both files again; if either is refused, nothing changes. SIGTERM ends pulsed.
Policies are kept in the state directory, and the newest is in force: the policy file is taken up
when its content has changed since it was last read.

Examples:
  pulsed                                  run on the defaults: decide, change nothing (shadow)
  pulsed --check                          what this machine allows, and how to mend what it does not
  pulsed --policy ./policy.yaml --check   the same, with a policy about to be rolled out
  pulsed --print-policy > policy.yaml     the policy of the file, every field written out
  pulsed --run-dir /tmp/p --state-dir /tmp/p/state --http off        a second pulsed for a test

Exit codes:
  0  ended as asked; every check passed or only warned
  1  could not start or go on (another pulsed serves the run directory, for example); a check failed
  2  the command line, the environment, or a file was refused
)";

struct Options {
  Flags flags;
  bool check = false;
  bool print_policy = false;
  bool version = false;
};

struct FlagText {
  std::string_view value;
  std::string_view help;
};

constexpr std::array<FlagText, kSettingCount> kFlagTexts{{
    {"FILE", "configuration (default: /etc/pulsed/pulsed.yaml, if it exists)"},
    {"FILE", "policy (default: /etc/pulsed/policy.yaml, if it exists)"},
    {"DIR", "sockets (default: /run/pulsed; not as root: $XDG_RUNTIME_DIR/pulsed)"},
    {"DIR", "state (default: /var/lib/pulsed; not as root: $XDG_STATE_HOME/pulsed)"},
    {"HOST:PORT", "page, metrics and health over HTTP, or `off` (default: 127.0.0.1:10857)"},
    {"LEVEL", "debug, info, warn or error (default: info)"},
}};

void declare(CLI::App& app, Options& options) {
  app.get_formatter()->column_width(26);
  app.set_help_flag("--help", "this text");
  app.footer(std::string(kFooter));
  app.allow_extras();
  for (std::size_t i = 0; i < kSettingCount; ++i) {
    app.add_option(std::string(kSettingFlags[i]), options.flags[i], std::string(kFlagTexts[i].help))
        ->type_name(std::string(kFlagTexts[i].value))
        ->allow_extra_args(false);
  }
  app.add_flag("--check", options.check,
               "say what is in place and how to mend what is not, and exit")
      ->disable_flag_override();
  app.add_flag("--print-policy", options.print_policy,
               "print the policy that the file makes, and exit")
      ->disable_flag_override();
  app.add_flag("--version", options.version, "print the version, and exit")
      ->disable_flag_override();
}

std::vector<std::string_view> known_flags() {
  std::vector<std::string_view> names(kSettingFlags.begin(), kSettingFlags.end());
  names.insert(names.end(), {"--check", "--print-policy", "--version", "--help"});
  return names;
}

std::string refused(const std::string& why) {
  return "pulsed: " + why + "\npulsed --help lists what there is\n";
}

std::string extras_fault(const std::vector<std::string>& extras) {
  const std::string& first = extras.front();
  if (!first.starts_with('-')) return "unexpected argument `" + shown(first) + "`";
  const std::string_view name = std::string_view(first).substr(0, first.find('='));
  const auto known = known_flags();
  return "unknown flag `" + shown(name) + "`" + did_you_mean(name, known);
}

Invocation exit_with(int code, std::string out, std::string err) {
  Invocation invocation;
  invocation.exit_code = code;
  invocation.out = std::move(out);
  invocation.err = std::move(err);
  return invocation;
}

// What the flags alone decide, if they do.
std::optional<Invocation> parse_flags(std::span<const char* const> arguments,
                                      std::string_view version, Options& options) {
  CLI::App app(std::string(kDescription), "pulsed");
  declare(app, options);
  // CLI11 takes its arguments last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return exit_with(kExitOk, app.help(), {});
  } catch (const CLI::ParseError& e) {
    return exit_with(kExitRefused, {}, refused(e.what()));
  }
  const auto extras = app.remaining();
  if (!extras.empty()) return exit_with(kExitRefused, {}, refused(extras_fault(extras)));
  if (options.version) return exit_with(kExitOk, "pulsed " + std::string(version) + "\n", {});
  if (options.check && options.print_policy) {
    return exit_with(kExitRefused, {}, refused("--check and --print-policy exclude each other"));
  }
  return {};
}

}  // namespace

Invocation parse_command_line(std::span<const char* const> arguments, std::string_view version,
                              const Surroundings& surroundings) {
  Options options;
  if (auto decided = parse_flags(arguments, version, options)) return std::move(*decided);
  Invocation invocation;
  invocation.sources = sources_of(surroundings, options.flags);
  Outcome<Settings> settings = load(invocation.sources);
  if (settings) {
    invocation.settings = std::move(*settings.value);
  } else {
    invocation.settings.config = config_without_files(invocation.sources);
  }
  if (options.check) {
    invocation.action = Action::kCheck;
    invocation.errors = std::move(settings.errors);
    return invocation;
  }
  if (!settings) {
    std::string err;
    for (const ConfigError& error : settings.errors) err += text(error) + "\n";
    return exit_with(kExitRefused, {}, std::move(err));
  }
  invocation.action = options.print_policy ? Action::kPrintPolicy : Action::kRun;
  if (options.print_policy) invocation.out = to_yaml(spelled_out(invocation.settings.policy));
  return invocation;
}

}  // namespace pulsed::config
