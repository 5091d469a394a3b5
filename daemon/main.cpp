// pulsed: what its command line asks for.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <exception>
#include <iostream>

#include "daemon/config/check.h"
#include "daemon/config/command_line.h"
#include "daemon/serve.h"
#include "daemon/version.h"

using namespace pulsed;

int main(int argc, char** argv) {
  block_handled_signals();
  ::signal(SIGPIPE, SIG_IGN);  // the end of whoever reads the log is not ours
  try {
    config::Invocation invocation = config::parse_command_line(
        {argv + 1, argv + argc}, version_text(), config::surroundings_of_process());
    std::cout << invocation.out;
    std::cerr << invocation.err;
    switch (invocation.action) {
      case config::Action::kExit:
      case config::Action::kPrintPolicy:
        return invocation.exit_code;
      case config::Action::kCheck: {
        const std::vector<config::Check> checks = config::run_checks(invocation);
        std::cout << config::check_table(checks, ::isatty(STDOUT_FILENO) == 1);
        return config::check_exit_code(checks);
      }
      case config::Action::kRun:
        return serve(invocation.sources, std::move(invocation.settings));
    }
  } catch (const std::exception& e) {
    spdlog::shutdown();  // what was logged comes before why we end
    std::cerr << "pulsed: " << e.what() << '\n';
  }
  return config::kExitFailed;
}
