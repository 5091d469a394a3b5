#include "daemon/ctl/top/top.h"

#include <unistd.h>

#include <array>
#include <clocale>
#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/ctl/failure.h"
#include "daemon/ctl/top/batch.h"
#include "daemon/ctl/top/interactive.h"

namespace pulsed::ctl::top {
namespace {

constexpr std::array<std::string_view, 3> kViewNames{"services", "classes", "workers"};
constexpr std::array<std::string_view, 5> kSortNames{"polls", "cpu", "violations", "age", "name"};
constexpr double kLeastSeconds = 0.1;
constexpr double kMostSeconds = 60;

constexpr const char* kFooter = R"(
On a terminal, `h` lists the keys. With -n, or where stdout is not a terminal, frames are printed as plain text; each is of
two readings, one interval apart, so the first comes after one interval.
The exit code is 3 if pulsed did not answer when the last frame was due.
)";

struct Options {
  double seconds = 1;
  std::uint64_t frames = 0;  // 0: not given
  std::string view = "services";
  std::string service;
  std::string sort;
  bool reversed = false;
  std::string filter;
};

template <typename Value, std::size_t N>
Value chosen(const std::array<std::string_view, N>& names, std::string_view name) {
  return static_cast<Value>(std::find(names.begin(), names.end(), name) - names.begin());
}

Start start_of(const Options& options) {
  Start start{.view = chosen<View>(kViewNames, options.view),
              .reversed = options.reversed,
              .filter = options.filter,
              .interval = std::chrono::milliseconds(std::lround(options.seconds * 1000))};
  if (!options.service.empty()) start.service = options.service;
  if (!options.sort.empty()) start.sort = chosen<SortKey>(kSortNames, options.sort);
  if (start.service && start.view == View::kServices) start.view = View::kClasses;
  if (start.sort && !sorts_by(start.view, *start.sort))
    throw Failed(kExitUsage, "workers cannot be sorted by " + options.sort + ": cpu, age or name");
  return start;
}

int run(const Program& program, const Options& options) {
  if (program.format() != Format::kTable)
    throw Failed(kExitUsage, "top prints tables; `pulsectl classes -o " + program.options.output +
                                 "` and the like print the same numbers");
  std::setlocale(LC_CTYPE, "");
  const Start start = start_of(options);
  const bool terminal = ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDIN_FILENO) == 1;
  if (options.frames > 0 || !terminal)
    return run_batch(program.endpoint(), start, std::max<std::uint64_t>(options.frames, 1));
  return run_interactive(program.endpoint(), start, program.terminal().color);
}

void declare(CLI::App& command, Options& options) {
  command.add_option("-d,--interval", options.seconds, "seconds between two readings (default: 1)")
      ->type_name("SECONDS")
      ->check(CLI::Range(kLeastSeconds, kMostSeconds));
  command.add_option("-n,--frames", options.frames, "print so many frames as plain text, and end")
      ->type_name("N")
      ->check(whole_number(1, 1'000'000'000));
  add_choice(command, "--view", options.view, kViewNames, "what to begin with (default: services)");
  command
      .add_option("--service", options.service, "begin with the classes, or workers, of this one")
      ->type_name("NAME");
  add_choice(command, "--sort", options.sort, kSortNames,
             "what to sort by (default: cpu, and workers by age)");
  command.add_flag("--reverse", options.reversed, "smallest first")->disable_flag_override();
  command
      .add_option("--filter", options.filter, "only rows with this in a name, or that fit a glob")
      ->type_name("TEXT");
}

}  // namespace

void add_top(CLI::App& app, Program& program) {
  CLI::App* command =
      app.add_subcommand("top", "services, classes and workers as they are now, kept up to date");
  command->footer(kFooter);
  const auto options = std::make_shared<Options>();
  declare(*command, *options);
  on_command(*command, program, [&program, options] { return run(program, *options); });
}

}  // namespace pulsed::ctl::top
