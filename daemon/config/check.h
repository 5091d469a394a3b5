// `pulsed --check`: what is in place, what is not, and how to mend it.
//
//   const auto checks = run_checks(invocation);
//   std::cout << check_table(checks, isatty(STDOUT_FILENO));
//   return check_exit_code(checks);
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "daemon/config/command_line.h"
#include "daemon/config/host_facts.h"

namespace pulsed::config {

enum class Verdict : std::uint8_t {
  kOk,
  kWarn,  // pulsed runs, and does less or less exactly
  kFail,  // pulsed does not start
};

struct Check {
  std::string name;
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string mend;  // empty when there is nothing to mend
};

// The files' checks, then those of the machine.
[[nodiscard]] std::vector<Check> run_checks(const Invocation& invocation);

[[nodiscard]] std::vector<Check> judge_files(const Invocation& invocation);
[[nodiscard]] std::vector<Check> judge_host(const HostFacts& facts, const Limits& limits);

// One line a check, `mend` on the next; ends with a summary. Colours only on a terminal.
[[nodiscard]] std::string check_table(std::span<const Check> checks, bool terminal);
// kExitOk, or kExitFailed if one failed.
[[nodiscard]] int check_exit_code(std::span<const Check> checks);

}  // namespace pulsed::config
