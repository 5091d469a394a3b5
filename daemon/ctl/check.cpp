// `pulsectl check`: is everything in place, and how to mend what is not.
#include "daemon/config/check.h"

#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <optional>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output/document.h"
#include "daemon/ctl/output/printable.h"
#include "daemon/version.h"

namespace pulsed::ctl {
namespace {

using config::Check;
using config::Verdict;
using Monitor = v1::MonitorService::StubInterface;

std::string where(const Endpoint& endpoint, const std::filesystem::path& socket) {
  return endpoint.local() ? socket.string() : endpoint.address;
}

Check judge_version(const v1::Status& status) {
  if (status.version() == version()) return {"version", Verdict::kOk, std::string(version()), {}};
  return {"version", Verdict::kWarn,
          "pulsed is " + status.version() + ", pulsectl " + std::string(version()),
          "restart pulsed after an update, or use the pulsectl of its version"};
}

Check judge_tick(const v1::Status& status) {
  const auto late = std::chrono::seconds{1};
  const auto since = std::chrono::seconds{status.since_last_tick().seconds()};
  if (since < late) return {"control loop", Verdict::kOk, "ticks", {}};
  return {"control loop", Verdict::kFail,
          "has not ticked for " + std::to_string(since.count()) + " s",
          "see pulsed's log; services obey no directive by now"};
}

Check judge_durable(const v1::Status& status) {
  if (status.durable()) return {"revisions", Verdict::kOk, "on disk, in " + status.state_dir(), {}};
  return {"revisions", Verdict::kWarn, "in memory only: a restart forgets changes of the policy",
          "see pulsed's log for why " + status.state_dir() + " cannot be used"};
}

// Of another machine, which cannot be looked at.
std::vector<Check> judge_rights(const v1::Status& status) {
  const auto judge = [](const char* name, bool has, const char* without, const char* right) {
    if (has) return Check{name, Verdict::kOk, "pulsed has the right", {}};
    return Check{name, Verdict::kWarn, without,
                 std::string("give pulsed ") + right + "; there, `pulsectl check` says more"};
  };
  return {judge("loop priority", status.high_priority(), "beside busy services the loop wakes late",
                "CAP_SYS_NICE"),
          judge("demotion", status.can_demote(), "no thread is lowered", "CAP_SYS_NICE"),
          judge("exact run times", status.exact_run_times(),
                "services are asked for their threads' clocks", "CAP_PERFMON")};
}

// Over api.sock; nothing: it cannot be reached, and the check says why.
std::optional<v1::Status> check_reading(Program& program, std::vector<Check>& checks) {
  const Endpoint& endpoint = program.connection().endpoint();
  try {
    const auto status = program.connection().read(&Monitor::GetStatus, v1::GetStatusRequest{});
    checks.push_back({"reading", Verdict::kOk, where(endpoint, endpoint.read_socket()), {}});
    return status;
  } catch (const Failed& e) {
    checks.push_back(
        {"reading", Verdict::kFail, e.what(),
         "start pulsed (systemctl start pulsed), or name where it is with --run-dir or --address"});
    return {};
  }
}

// A change that is only validated: the policy in force itself.
Check judge_changing(Program& program) {
  const Endpoint& endpoint = program.connection().endpoint();
  try {
    const auto state =
        program.connection().read(&v1::PolicyService::StubInterface::Get, v1::GetPolicyRequest{});
    v1::UpdatePolicyRequest request;
    *request.mutable_policy() = state.policy();
    request.set_validate_only(true);
    [[maybe_unused]] const auto answer =
        program.connection().change(&v1::PolicyService::StubInterface::Update, request);
    return {"changing", Verdict::kOk, where(endpoint, endpoint.change_socket()), {}};
  } catch (const Failed& e) {
    if (e.exit_code() == kExitNoRight) {
      return {"changing", Verdict::kWarn, e.what(),
              "reading is all this user can do; use sudo to change the policy"};
    }
    return {"changing", Verdict::kFail, e.what(), "see pulsed's log"};
  }
}

// What a daemon that runs says of its rights counts for more than what we could do.
config::HostFacts facts_of(const v1::Status& status) {
  config::HostFacts facts = config::look_at_host(status.run_dir(), status.state_dir());
  facts.uid = facts.run_dir.owner;
  facts.run_dir.usable = status.ready();
  if (status.durable()) {
    facts.state_dir = facts.run_dir;
    facts.state_dir.path = status.state_dir();
  }
  facts.nice = facts.fifo = status.high_priority() ? 0 : EPERM;
  facts.demotion = status.can_demote() ? 0 : EPERM;
  facts.perfmon = status.exact_run_times();
  facts.task_clock = status.exact_run_times() ? 0 : EACCES;
  rlimit limit{};
  if (facts.attach_pid > 0 && ::prlimit(facts.attach_pid, RLIMIT_NOFILE, nullptr, &limit) == 0) {
    facts.descriptors = limit.rlim_max;
  }
  return facts;
}

void append(std::vector<Check>& to, std::vector<Check> from) {
  for (Check& check : from) to.push_back(std::move(check));
}

// Without a daemon: what `pulsed --check` says, which is what would keep it from starting.
std::vector<Check> checks_of_start(const std::string& run_dir) {
  const std::array<const char*, 3> arguments{"--check", "--run-dir", run_dir.c_str()};
  return config::run_checks(
      config::parse_command_line(arguments, version(), config::surroundings_of_process()));
}

std::vector<Check> run(Program& program) {
  std::vector<Check> checks;
  const std::optional<v1::Status> status = check_reading(program, checks);
  const Endpoint& endpoint = program.connection().endpoint();
  if (status) {
    checks.push_back(judge_changing(program));
    checks.push_back(judge_version(*status));
    checks.push_back(judge_tick(*status));
    checks.push_back(judge_durable(*status));
  }
  if (!endpoint.local()) {
    if (status) append(checks, judge_rights(*status));
    return checks;
  }
  append(checks, status ? config::judge_host(facts_of(*status), {})
                        : checks_of_start(endpoint.run_dir.string()));
  return checks;
}

// What the daemon says of itself, on a terminal.
std::vector<Check> printed(std::vector<Check> checks) {
  for (Check& check : checks) {
    check.found = printable_lines(check.found);
    check.mend = printable_lines(check.mend);
  }
  return checks;
}

Document document_of(const std::vector<Check>& checks) {
  constexpr std::array<const char*, 3> kVerdicts{"ok", "warn", "fail"};
  Document document = Document::array();
  for (const Check& check : checks) {
    document.push_back({{"check", check.name},
                        {"verdict", kVerdicts[static_cast<std::size_t>(check.verdict)]},
                        {"found", check.found},
                        {"mend", check.mend}});
  }
  return document;
}

}  // namespace

void add_check(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand("check", "what is in place, and how to mend what is not");
  command->footer(
      "\nBoth sockets, pulsed's rights, clocks and limits. Where no pulsed runs: what keeps one "
      "from starting. Ends with 1\n"
      "if a check failed.\n");
  on_command(*command, program, [&program] {
    const std::vector<Check> checks = run(program);
    std::cout << (program.format() == Format::kTable
                      ? config::check_table(printed(checks), program.terminal().color)
                      : document_text(document_of(checks), program.format()));
    return config::check_exit_code(checks);
  });
}

}  // namespace pulsed::ctl
