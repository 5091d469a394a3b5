// The command line of pulsed-demo.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "deploy/demo/service.h"
#include "deploy/demo/text.h"

namespace pulsed::demo {

struct Options {
  std::uint16_t port = 0;  // 0: a free one
  unsigned threads = 2;
  TaskPer task_per = TaskPer::kConnection;
  bool bare = false;
  bool calibrate_only = false;
  std::uint32_t report_steps = 0;  // 0: calibrate
  std::string run_dir{};           // empty: the shim's default
  std::string text_folder = kDefaultTextFolder;
  Limits limits{};
};

// The options, or the exit status if there is nothing to run (--help, or a command line that makes
// no sense).
struct CommandLine {
  std::optional<Options> options;
  int exit_status = 0;
};
[[nodiscard]] CommandLine parse_command_line(int argc, char** argv);

}  // namespace pulsed::demo
