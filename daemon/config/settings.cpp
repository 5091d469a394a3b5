#include "daemon/config/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "daemon/config/config_yaml.h"
#include "daemon/config/file_text.h"
#include "daemon/config/policy_yaml.h"
#include "daemon/config/suggestion.h"

namespace pulsed::config {
namespace {

namespace fs = std::filesystem;

using Given = Sources::Given;

// An absolute path from the environment, as the XDG rules have it: others are ignored.
std::optional<fs::path> directory_variable(const Surroundings& s, const char* name) {
  const auto value = s.variable(name);
  if (!value || !value->starts_with('/')) return {};
  return fs::path(*value);
}

Config defaults_for(const Surroundings& s) {
  Config config;
  config.policy = s.etc / "policy.yaml";
  if (s.uid == 0) {
    config.run_dir = "/run/pulsed";
    config.state_dir = "/var/lib/pulsed";
    return config;
  }
  const fs::path fallback = "/tmp/pulsed-" + std::to_string(s.uid);
  const auto runtime = directory_variable(s, "XDG_RUNTIME_DIR");
  config.run_dir = runtime ? *runtime / "pulsed" : fallback;
  const auto state = directory_variable(s, "XDG_STATE_HOME");
  const auto home = directory_variable(s, "HOME");
  if (state) {
    config.state_dir = *state / "pulsed";
  } else {
    config.state_dir = home ? *home / ".local/state/pulsed" : fallback / "state";
  }
  return config;
}

const std::optional<Given>& given(const Sources& sources, Setting setting) {
  return sources.given[static_cast<std::size_t>(setting)];
}

void fault(std::vector<ConfigError>& errors, std::string_view source, std::string message) {
  errors.push_back({std::string(source), {}, std::move(message)});
}

// Paths of flags and environment may be relative, even upwards: a shell's user means them from
// where they stand.
void take_path(const Sources& sources, Setting setting, std::size_t longest, fs::path& target,
               std::vector<ConfigError>& errors) {
  const auto& from = given(sources, setting);
  if (!from) return;
  if (from->value.empty()) return fault(errors, from->origin, "is empty; give a path");
  const fs::path absolute = (sources.working_directory / from->value).lexically_normal();
  auto path = read_path(absolute.string(), longest);
  if (!path) return fault(errors, from->origin, path.fault);
  target = std::move(*path.value);
}

void take_http(const Sources& sources, Config& config, std::vector<ConfigError>& errors) {
  const auto& from = given(sources, Setting::kHttp);
  if (!from) return;
  auto http = read_http(from->value);
  if (!http) return fault(errors, from->origin, http.fault);
  config.http = std::move(*http.value);
}

void take_log_level(const Sources& sources, Config& config, std::vector<ConfigError>& errors) {
  const auto& from = given(sources, Setting::kLogLevel);
  if (!from) return;
  const auto at = std::find(kLogLevelNames.begin(), kLogLevelNames.end(), from->value);
  if (at == kLogLevelNames.end()) {
    return fault(errors, from->origin,
                 "`" + shown(from->value) + "` is not " + one_of(kLogLevelNames) +
                     did_you_mean(from->value, kLogLevelNames));
  }
  config.log_level = static_cast<LogLevel>(at - kLogLevelNames.begin());
}

// Everything but the configuration file itself.
void take_given(const Sources& sources, Config& config, std::vector<ConfigError>& errors) {
  take_path(sources, Setting::kPolicy, kLongestPath, config.policy, errors);
  take_path(sources, Setting::kRunDir, kLongestRunDir, config.run_dir, errors);
  take_path(sources, Setting::kStateDir, kLongestPath, config.state_dir, errors);
  take_http(sources, config, errors);
  take_log_level(sources, config, errors);
}

// One file to read: who names it, if someone does.
struct Wanted {
  fs::path path;
  std::string named_by;  // empty: it lies at its default place, and may be missing
};

// The text, or nothing: no file, or an error.
std::optional<std::string> text_of(const Wanted& wanted, std::vector<ConfigError>& errors) {
  FileText file = read_file(wanted.path);
  if (file.text) return std::move(file.text);
  if (file.missing && wanted.named_by.empty()) return {};
  std::string why = file.missing ? "no such file" : file.fault;
  if (!wanted.named_by.empty()) why += " (named by " + wanted.named_by + ")";
  fault(errors, wanted.path.string(), std::move(why));
  return {};
}

void append(std::vector<ConfigError>& to, std::vector<ConfigError> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Reads pulsed.yaml into `settings` and says where the policy lies.
Wanted load_config(const Sources& sources, Settings& settings, std::vector<ConfigError>& errors) {
  Wanted wanted{sources.default_config_file, {}};
  const auto& named = given(sources, Setting::kConfig);
  if (named) wanted.named_by = named->origin;
  take_path(sources, Setting::kConfig, kLongestPath, wanted.path, errors);
  Wanted policy{sources.defaults.policy, {}};
  settings.config = sources.defaults;
  const auto text = text_of(wanted, errors);
  if (!text) return policy;
  auto read = read_config(*text, wanted.path.string(), sources.defaults);
  append(errors, std::move(read.errors));
  if (!read) return policy;
  settings.config = std::move(read.value->config);
  settings.config_file = wanted.path;
  if (read.value->named_policy) policy = {settings.config.policy, wanted.path.string()};
  return policy;
}

void load_policy(const Wanted& wanted, Settings& settings, std::vector<ConfigError>& errors) {
  const auto text = text_of(wanted, errors);
  if (!text) return;
  auto read = read_policy(*text, wanted.path.string());
  append(errors, std::move(read.errors));
  if (!read) return;
  settings.policy = std::move(*read.value);
  settings.policy_file = wanted.path;
}

void must_remain(const std::optional<fs::path>& before, const std::optional<fs::path>& after,
                 std::vector<ConfigError>& errors) {
  if (!before || after) return;
  fault(errors, before->string(),
        "was read before and is gone; put it back, or start anew to run without it");
}

}  // namespace

Surroundings surroundings_of_process() {
  Surroundings s;
  s.uid = geteuid();
  s.variable = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return {};
    return std::string(value);
  };
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (!error) s.working_directory = here;
  return s;
}

Sources sources_of(const Surroundings& surroundings, const Flags& flags) {
  Sources sources;
  sources.working_directory = surroundings.working_directory;
  sources.default_config_file = surroundings.etc / "pulsed.yaml";
  sources.defaults = defaults_for(surroundings);
  for (std::size_t i = 0; i < kSettingCount; ++i) {
    if (flags[i]) {
      sources.given[i] = Given{*flags[i], kSettingFlags[i]};
      continue;
    }
    auto value = surroundings.variable(kSettingVariables[i]);
    if (value && !value->empty()) sources.given[i] = Given{*std::move(value), kSettingVariables[i]};
  }
  return sources;
}

Outcome<Settings> load(const Sources& sources) {
  Settings settings;
  std::vector<ConfigError> errors;
  Wanted policy = load_config(sources, settings, errors);
  const auto& named = given(sources, Setting::kPolicy);
  if (named) policy.named_by = named->origin;
  settings.config.policy = policy.path;
  take_given(sources, settings.config, errors);
  policy.path = settings.config.policy;
  load_policy(policy, settings, errors);
  if (!errors.empty()) return {{}, std::move(errors), {}};
  return {std::move(settings), {}, {}};
}

Config config_without_files(const Sources& sources) {
  Config config = sources.defaults;
  std::vector<ConfigError> ignored;
  take_given(sources, config, ignored);
  return config;
}

Outcome<Settings> reload(const Sources& sources, const Settings& current) {
  Outcome<Settings> next = load(sources);
  if (!next) return next;
  must_remain(current.config_file, next.value->config_file, next.errors);
  must_remain(current.policy_file, next.value->policy_file, next.errors);
  if (!next.errors.empty()) {
    next.value.reset();
    return next;
  }
  const std::string source = next.value->config_file.value_or(sources.default_config_file).string();
  for (const std::string_view name : need_restart(current.config, next.value->config)) {
    fault(next.warnings, source, "`" + std::string(name) + "` changed; that needs a restart");
  }
  next.value->config = without_restart(current.config, std::move(next.value->config));
  return next;
}

}  // namespace pulsed::config
