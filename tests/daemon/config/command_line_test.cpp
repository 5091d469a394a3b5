#include "daemon/config/command_line.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "daemon/config/policy_yaml.h"

namespace pulsed::config {
namespace {

Invocation invoke(std::initializer_list<const char*> arguments) {
  Surroundings s;
  s.uid = 0;
  s.etc = "/nonexistent";
  s.variable = [](const char*) -> std::optional<std::string> { return {}; };
  const std::vector<const char*> list(arguments);
  return parse_command_line(list, "1.2.3", s);
}

std::string refusal(std::initializer_list<const char*> arguments) {
  const Invocation i = invoke(arguments);
  CHECK(i.action == Action::kExit);
  CHECK(i.exit_code == 2);
  CHECK(i.out.empty());
  return i.err;
}

TEST_CASE("without arguments pulsed runs on the defaults") {
  const Invocation i = invoke({});
  CHECK(i.action == Action::kRun);
  CHECK(i.settings.config.run_dir == "/run/pulsed");
}

TEST_CASE("every flag is taken, with a space or an equals sign") {
  const Invocation i = invoke(
      {"--run-dir", "/r", "--state-dir=/s", "--http", "off", "--log-level=debug", "--check"});
  CHECK(i.action == Action::kCheck);
  CHECK(i.settings.config.run_dir == "/r");
  CHECK(i.settings.config.state_dir == "/s");
  CHECK(i.settings.config.http == std::nullopt);
  CHECK(i.settings.config.log_level == LogLevel::kDebug);
}

TEST_CASE("help and version go to the output and exit with 0") {
  const Invocation help = invoke({"--help"});
  CHECK(help.action == Action::kExit);
  CHECK(help.exit_code == 0);
  CHECK(help.err.empty());
  for (const char* part :
       {"--config", "--policy", "--run-dir", "--state-dir", "--http", "--log-level", "--check",
        "--print-policy", "--version", "--help", "Examples:", "Exit codes:", "PULSED_RUN_DIR"}) {
    CAPTURE(part);
    CHECK(help.out.find(part) != std::string::npos);
  }
  CHECK(invoke({"--version"}).out == "pulsed 1.2.3\n");
  CHECK(invoke({"--config", "/no", "--help"}).exit_code == 0);
}

TEST_CASE("no line of the help is longer than 100 columns") {
  const std::string help = invoke({"--help"}).out;
  for (std::size_t at = 0; at < help.size();) {
    const std::size_t end = std::min(help.find('\n', at), help.size());
    CAPTURE(help.substr(at, end - at));
    CHECK(end - at <= 100);
    at = end + 1;
  }
}

TEST_CASE("an unknown flag is refused with the nearest one") {
  const std::string tail = "pulsed --help lists what there is\n";
  CHECK(refusal({"--polcy", "x"}) ==
        "pulsed: unknown flag `--polcy`; did you mean `--policy`?\n" + tail);
  CHECK(refusal({"--run_dir=/x"}) ==
        "pulsed: unknown flag `--run_dir`; did you mean `--run-dir`?\n" + tail);
  CHECK(refusal({"-v"}) == "pulsed: unknown flag `-v`\n" + tail);
  CHECK(refusal({"start"}) == "pulsed: unexpected argument `start`\n" + tail);
  CHECK(refusal({"--check", "--print-policy"}) ==
        "pulsed: --check and --print-policy exclude each other\n" + tail);
}

TEST_CASE("a flag without a value, given twice, or with a value it does not take is refused") {
  CHECK(refusal({"--http"}).find("--http") != std::string::npos);
  CHECK(refusal({"--http", "off", "--http", "off"}).find("--http") != std::string::npos);
  CHECK_FALSE(refusal({"--check=yes"}).empty());
}

TEST_CASE("wrong settings are refused one a line, and kept for the table of checks") {
  CHECK(refusal({"--http", "80", "--config", "/no.yaml"}) ==
        "/no.yaml: no such file (named by --config)\n"
        "--http: `80` has no port; write for example `127.0.0.1:10857`, or `off`\n");
  const Invocation check = invoke({"--check", "--http", "80", "--run-dir", "/r"});
  CHECK(check.action == Action::kCheck);
  CHECK(check.errors.size() == 1);
  CHECK(check.settings.config.run_dir == "/r");
}

TEST_CASE("the printed policy spells out every field and reads back") {
  const Invocation i = invoke({"--print-policy"});
  CHECK(i.action == Action::kPrintPolicy);
  const auto policy = read_policy(i.out, "printed");
  REQUIRE(policy);
  CHECK(*policy.value == spelled_out(policy::Policy{}));
}

}  // namespace
}  // namespace pulsed::config
