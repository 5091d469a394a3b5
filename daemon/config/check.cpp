#include "daemon/config/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "daemon/config/policy_yaml.h"

namespace pulsed::config {
namespace {

constexpr std::array<std::string_view, 3> kWords{"ok", "WARN", "FAIL"};
constexpr std::array<std::string_view, 3> kColours{"\x1b[32m", "\x1b[33m", "\x1b[31m"};

std::string_view word(Verdict v) { return kWords[static_cast<std::size_t>(v)]; }

std::string in_colour(Verdict v, std::string text) {
  return std::string(kColours[static_cast<std::size_t>(v)]) + std::move(text) + "\x1b[0m";
}

// A file that root obeys must not be writable by others.
Check judge_file(std::string name, const std::optional<std::filesystem::path>& file,
                 const std::string& without) {
  if (!file) return {std::move(name), Verdict::kOk, without, {}};
  struct stat status {};
  const bool known = stat(file->c_str(), &status) == 0;
  if (known && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return {std::move(name), Verdict::kWarn, file->string() + " can be changed by other users",
            "chmod go-w " + file->string()};
  }
  return {std::move(name), Verdict::kOk, file->string(), {}};
}

}  // namespace

std::vector<Check> judge_files(const Invocation& invocation) {
  std::vector<Check> checks;
  for (const ConfigError& error : invocation.errors) {
    checks.push_back({"settings", Verdict::kFail, text(error), {}});
  }
  if (!checks.empty()) {
    checks.back().mend = "mend what is named there, then check again";
    return checks;
  }
  const Settings& settings = invocation.settings;
  checks.push_back(judge_file("configuration", settings.config_file, "no file: the defaults"));
  checks.push_back(judge_file("policy", settings.policy_file, "no file: the built-in policy"));
  checks.back().found += ", " + std::string(name(settings.policy.enforcement)) + ", " +
                         std::string(name(settings.policy.profile));
  return checks;
}

std::vector<Check> run_checks(const Invocation& invocation) {
  const Config& config = invocation.settings.config;
  std::vector<Check> checks = judge_files(invocation);
  for (Check& check : judge_host(look_at_host(config.run_dir, config.state_dir), config.limits)) {
    checks.push_back(std::move(check));
  }
  return checks;
}

std::string check_table(std::span<const Check> checks, bool terminal) {
  std::size_t widest = 0;
  std::array<std::size_t, 3> counts{};
  for (const Check& check : checks) widest = std::max(widest, check.name.size());
  std::string out;
  for (const Check& check : checks) {
    ++counts[static_cast<std::size_t>(check.verdict)];
    std::string verdict(word(check.verdict));
    verdict.resize(4, ' ');
    out += terminal ? in_colour(check.verdict, verdict) : verdict;
    out += "  " + check.name + std::string(widest - check.name.size(), ' ') + "  " + check.found;
    out += "\n";
    if (!check.mend.empty()) out += std::string(widest + 8, ' ') + "-> " + check.mend + "\n";
  }
  out += std::to_string(counts[0]) + " ok, " + std::to_string(counts[1]) + " to improve, " +
         std::to_string(counts[2]) + " failed\n";
  return out;
}

int check_exit_code(std::span<const Check> checks) {
  const bool failed = std::any_of(checks.begin(), checks.end(),
                                  [](const Check& c) { return c.verdict == Verdict::kFail; });
  return failed ? kExitFailed : kExitOk;
}

}  // namespace pulsed::config
