#include "daemon/ctl/program.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <utility>

#include "daemon/config/config_error.h"

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

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  const auto fault = [least, most](std::string& text) -> std::string {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec == std::errc{} && read.ptr == end && value >= least && value <= most) return {};
    std::string what = "`" + config::shown(text) + "` is not a whole number";
    if (most < std::numeric_limits<std::uint64_t>::max()) {
      return what + " from " + std::to_string(least) + " to " + std::to_string(most);
    }
    return least == 0 ? what : what + " from " + std::to_string(least) + " on";
  };
  return {fault, ""};
}

void check_written() {
  errno = 0;
  if (std::cout.flush()) return;
  throw Failed(kExitFailed, std::string("stdout: ") +
                                (errno == 0 ? "cannot be written to" : std::strerror(errno)));
}

}  // namespace pulsed::ctl
