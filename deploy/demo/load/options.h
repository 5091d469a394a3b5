// The command line of pulsed-load.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "deploy/demo/load/arrivals.h"
#include "deploy/demo/load/light_loop.h"

namespace pulsed::demo::load {

struct Options {
  std::uint16_t port = 0;
  double lookup_rate = 1000;  // a second
  double price_rate = 0;
  std::string heavy = "report";  // the route of the closed loops
  std::size_t heavy_loops = 4;
  double seconds = 5;
  double warmup_seconds = 1;
  Spacing spacing = Spacing::kPoisson;
  std::uint64_t seed = 1;
  PoolSize pool{};
  bool json = false;
};

// The options, or the exit status if there is nothing to run (--help, or a command line that makes
// no sense).
struct CommandLine {
  std::optional<Options> options;
  int exit_status = 0;
};
[[nodiscard]] CommandLine parse_command_line(int argc, char** argv);

}  // namespace pulsed::demo::load
