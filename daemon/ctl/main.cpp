// pulsectl: shows what a running pulsed sees and does, and changes its policy.
#include <signal.h>

#include "daemon/ctl/command_line.h"
#include "daemon/ctl/top/top.h"

int main(int argc, char** argv) {
  using namespace pulsed::ctl;
  // A reader that has seen enough (`pulsectl events | head`) ends us without a word, whatever our parent did about it.
  ::signal(SIGPIPE, SIG_DFL);
  Program program;
  const auto app = make_command_line(program, top::add_top);
  return run_command_line(*app, program, argc, argv);
}
