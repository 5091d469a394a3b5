// pulsed-bench: what the shim and the daemon's inner loop cost on this machine.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/bench/suites.h"

int main(int argc, char** argv) {
  using namespace pulsed::bench;
  CLI::App app{
      "Measures what the shim costs a service and what the daemon's inner loop does, as medians "
      "of\n"
      "interleaved turns with half their interquartile range. Ratios are against baselines of "
      "this\n"
      "run. The exit status says only whether it ran: figures that fall short do not change it."};
  app.name("pulsed-bench");
  bool quick = false;
  std::string report;
  app.add_flag("--quick", quick,
               "fewer turns and fewer cold tasks: a few seconds, rougher figures");
  app.add_option("--report", report, "write the figures to this file as JSON too")
      ->type_name("FILE");
  CLI11_PARSE(app, argc, argv);

  double load = 0;
  if (::getloadavg(&load, 1) == 1 && load > 0.5) {
    std::fprintf(stderr,
                 "pulsed-bench: the machine does other work too (load %.1f): figures are rough\n",
                 load);
  }
  const Effort effort = quick ? Effort{301, 100'000} : Effort{2001, 1'000'000};
  std::vector<Figure> figures;
  try {
    poll_suite(effort, figures);
    call_suite(effort, figures);
    collect_suite(effort, figures);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "pulsed-bench: %s\n", e.what());
    return 1;
  }
  std::printf("%s\n\n", machine().c_str());
  print_table(figures);
  return report.empty() || write_report(report, figures) ? 0 : 1;
}
