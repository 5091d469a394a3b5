// `pulsectl top`: services, their classes and their workers, as they are now.
#pragma once

#include <CLI/CLI.hpp>

#include "daemon/ctl/program.h"

namespace pulsed::ctl::top {

void add_top(CLI::App& app, Program& program);

}  // namespace pulsed::ctl::top
