// Where settings come from, and in which order: flags over environment over files over defaults.
//
//   Sources sources = sources_of(surroundings, flags);
//   Outcome<Settings> first = load(sources);
//   ... on SIGHUP:
//   Outcome<Settings> next = reload(sources, *first.value);  // both files anew, or errors
//   if (next) settings = std::move(*next.value);
#pragma once

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/config/config.h"
#include "daemon/config/config_error.h"
#include "daemon/policy/policy.h"

namespace pulsed::config {

// What a process finds around itself, so that tests can say it instead.
struct Surroundings {
  uid_t uid = 0;                                                    // effective
  std::function<std::optional<std::string>(const char*)> variable;  // of the environment
  std::filesystem::path etc = "/etc/pulsed";      // where files may lie by default
  std::filesystem::path working_directory = "/";  // relative paths of flags start here
};
[[nodiscard]] Surroundings surroundings_of_process();

// The settings that flags and environment can give.
enum class Setting : std::uint8_t { kConfig, kPolicy, kRunDir, kStateDir, kHttp, kLogLevel };
inline constexpr std::size_t kSettingCount = 6;
inline constexpr std::array<std::string_view, kSettingCount> kSettingFlags{
    "--config", "--policy", "--run-dir", "--state-dir", "--http", "--log-level"};
inline constexpr std::array<const char*, kSettingCount> kSettingVariables{
    "PULSED_CONFIG",    "PULSED_POLICY", "PULSED_RUN_DIR",
    "PULSED_STATE_DIR", "PULSED_HTTP",   "PULSED_LOG_LEVEL"};
using Flags = std::array<std::optional<std::string>, kSettingCount>;

// Everything beside the files' contents; fixed when the program starts, so that a reload sees the
// same.
struct Sources {
  struct Given {
    std::string value;
    std::string_view origin;  // the flag or the variable
  };
  std::array<std::optional<Given>, kSettingCount> given;
  std::filesystem::path working_directory;
  std::filesystem::path default_config_file;
  Config defaults;  // its directories are those of this user
};

// A variable that is set but empty counts as not set.
[[nodiscard]] Sources sources_of(const Surroundings& surroundings, const Flags& flags);

struct Settings {
  Config config;
  policy::Policy policy;
  std::optional<std::filesystem::path> config_file;  // read; none: no file, defaults
  std::optional<std::filesystem::path> policy_file;  // read; none: the built-in policy
};

// A file that something names must exist; one at its default place may be missing.
[[nodiscard]] Outcome<Settings> load(const Sources& sources);

// Flags and environment over defaults, what is wrong left out: for checks beside files that cannot
// be read.
[[nodiscard]] Config config_without_files(const Sources& sources);

// Both files anew. A setting that only a start can change keeps its value and becomes a warning. A
// file that was read before must still be there: a policy must not fall back to defaults because a
// file was moved.
[[nodiscard]] Outcome<Settings> reload(const Sources& sources, const Settings& current);

}  // namespace pulsed::config
