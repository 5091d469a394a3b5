#include "daemon/ctl/program.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace pulsed::ctl {

Endpoint Program::endpoint() const {
  return find_endpoint(options.endpoint, config::surroundings_of_process());
}

Connection& Program::connection() {
  if (!connection_) connection_ = std::make_unique<Connection>(endpoint());
  return *connection_;
}

Format Program::format() const {
  const auto at = std::find(kFormatNames.begin(), kFormatNames.end(), options.output);
  return static_cast<Format>(at - kFormatNames.begin());
}

Terminal Program::terminal() const {
  const char* no_color = std::getenv("NO_COLOR");
  return terminal_of(STDOUT_FILENO, options.color, no_color == nullptr ? "" : no_color);
}

void on_command(CLI::App& command, Program& program, std::function<int()> action) {
  command.final_callback(
      [&program, action = std::move(action)]() mutable { program.action = std::move(action); });
}

}  // namespace pulsed::ctl
