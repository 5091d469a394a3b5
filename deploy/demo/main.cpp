// pulsed-demo: an HTTP service with light and heavy routes, on which deploy/quickstart shows what pulsed
// does.
#include <chrono>
#include <cstdio>
#include <exception>

#include "deploy/demo/options.h"
#include "deploy/demo/report_work.h"
#include "deploy/demo/server.h"

namespace {

using namespace pulsed::demo;

constexpr std::chrono::milliseconds kReportCpuTime{20};

std::uint32_t report_steps(const Options& options, std::string_view text) {
  if (options.report_steps != 0) return options.report_steps;
  const ReportCalibration measured = calibrate_report(text, kReportCpuTime);
  std::printf("one report is %u steps: %.1f ms of CPU time here, %.0f us a step\n", measured.steps,
              static_cast<double>(measured.report_cpu_time.count()) / 1e6,
              static_cast<double>(measured.report_cpu_time.count()) / 1e3 / measured.steps);
  return measured.steps;
}

int run(const Options& options) {
  const std::string text = read_text(options.text_folder);
  const std::uint32_t steps = report_steps(options, text);
  if (options.calibrate_only) return 0;
  const TextIndex index(text);
  Tasks tasks(options.bare, options.run_dir);
  Service service{text, index, tasks, steps, options.task_per, options.limits};
  Server server(service, options.port, options.threads);
  std::printf("indexed %zu bytes: %zu words in %zu paragraphs\n", text.size(), index.words(),
              index.paragraphs());
  std::printf("listening on 127.0.0.1:%u\n", server.port());
  std::fflush(stdout);
  server.run();
  const auto number = [](std::uint64_t count) { return static_cast<unsigned long long>(count); };
  std::printf(
      "served %llu lookups, %llu prices, %llu reports, %llu exports, %llu restocks; refused %llu\n",
      number(service.served.lookups), number(service.served.prices), number(service.served.reports),
      number(service.served.exports), number(service.served.restocks),
      number(service.served.refused));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const CommandLine line = parse_command_line(argc, argv);
  if (!line.options) return line.exit_status;
  try {
    return run(*line.options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pulsed-demo: %s\n", error.what());
    return 1;
  }
}
