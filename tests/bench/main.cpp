// pulsed-bench: what pulsed costs, and how fast it is, on this machine.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "tests/bench/machine.h"
#include "tests/bench/suites.h"

namespace {

using namespace pulsed::bench;

struct Suite {
  const char* name;
  const char* what;
  void (*run)(const Effort&, Results&);
};

// In the order in which they run.
constexpr Suite kSuites[] = {
    {"instructions", "exact counts by callgrind, of the inline calls and of a sample drained",
     instructions_suite},
    {"polls", "a poll of an attached worker: hot, cold, drained meanwhile, beside pulsed",
     poll_suite},
    {"scaling", "polls on as many workers at once as there are CPUs, against one", scaling_suite},
    {"calls", "should_yield, tasks opened and closed, detached, compiled out", call_suite},
    {"adapter", "Boost.Asio post + run through task_executor: attached, detached", adapter_suite},
    {"collect", "drain + decide on one core of the daemon", collect_suite},
    {"tick", "a tick of the control loop, beside 1 to 1024 workers at rest", tick_suite},
    {"memory", "of a live task: shared and in the daemon process", memory_suite},
    {"rest", "the CPU time of a daemon process at rest, beside 1 to 1024 workers", rest_suite},
    {"delay", "a poll over its budget, a directive, a policy: until they are answered",
     delay_suite},
    {"scrape", "GET /metrics of a daemon process with 1000 classes live", scrape_suite},
    {"service", "the demo with the shim under an idle policy, against the same without it",
     service_suite},
    // Last: liblttng-ust stays loaded.
    {"tracers", "an empty poll under LTTng-UST, CPU clocks and a histogram", tracers_suite},
};

void list() {
  for (const Suite& suite : kSuites) std::printf("%-12s %s\n", suite.name, suite.what);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Measures what the shim costs a service, and how fast and how cheap the daemon is, as "
      "medians\n"
      "of interleaved turns with half their interquartile range. Ratios are against baselines of\n"
      "the same run. The exit status says only whether it ran: figures that fall short do not\n"
      "change it."};
  app.name("pulsed-bench");
  bool quick = false;
  bool only_list = false;
  std::string report;
  std::vector<std::string> only;
  std::vector<std::string> names;
  for (const Suite& suite : kSuites) names.emplace_back(suite.name);
  app.add_flag("--quick", quick, "fewer turns and smaller sizes: under a minute, rougher figures");
  app.add_option("--only", only, "these suites alone")
      ->type_name("SUITE")
      ->check(CLI::IsMember(names));
  app.add_flag("--list", only_list, "say what suites there are");
  app.add_option("--report", report, "write all that was found to this file as JSON too")
      ->type_name("FILE");
  CLI11_PARSE(app, argc, argv);
  if (only_list) {
    list();
    return 0;
  }

  if (const double busy = load(); busy > 0.5) {
    std::fprintf(stderr,
                 "pulsed-bench: the machine does other work too (load %.1f): figures are rough\n",
                 busy);
  }
  const Effort effort = quick ? Effort{true, 301, 100'000} : Effort{false, 2001, 1'000'000};
  const std::string where = machine();
  Results results;
  const auto begin = std::chrono::steady_clock::now();
  for (const Suite& suite : kSuites) {
    if (!only.empty() && std::find(only.begin(), only.end(), suite.name) == only.end()) continue;
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
    std::fprintf(stderr, "[%4lld s] %s: %s\n", static_cast<long long>(seconds.count()), suite.name,
                 suite.what);
    try {
      suite.run(effort, results);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "pulsed-bench: %s: %s\n", suite.name, e.what());
      return 1;
    }
  }
  std::printf("%s\n\n", where.c_str());
  print_table(results);
  return report.empty() || write_report(report, where, results) ? 0 : 1;
}
