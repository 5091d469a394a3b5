#include "daemon/ctl/top/help.h"

namespace pulsed::ctl::top {

std::vector<std::string> help_lines() {
  return {
      "pulsectl top: services, their classes, their workers.      Any key goes back.",
      "",
      "  Enter, Right      open the selected row    1 2 3   services, classes, workers",
      "  Backspace, Left   back; so does Esc        Space   pause",
      "  Up Down PgUp PgDn Home End, j k   select   +  -    interval",
      "  P C V A N   sort by polls/s, CPU, violations/s, age, name; r reverses",
      "  /           filter: part of a name, or a glob with * and ?; Esc clears",
      "  t           totals since pulsed started, instead of rates",
      "  s           sparklines of CPU, or of p99 of poll durations",
      "  h ?         this text                       q  Ctrl-C  quit",
      "",
      "  T      tier: M monitor, W warn, Y yield, I isolate; ! pinned there",
      "  ENF    observe, shadow or enforce, as it holds for the class",
      "  CPU%   of one CPU, proven; ~CPU% of polls that would have been treated",
      "  YLD ISO DEM   polls that yielded when asked, ran on the isolation pool, had",
      "         their thread demoted; ~ where that would have been done",
      "  OVER   polls that run now and have used up their budget",
      "  AGE    wall time of the oldest poll that runs now; red: over its budget",
      "  BLAME  burning a CPU, runnable but kept from one, or blocked",
      "  P99    of poll durations since pulsed started; QWAIT of queue waits",
      "  ABOVE  tasks above tier monitor",
      "  KIND   of a worker: isol of the isolation pool, spare, parked",
      "  -      not known, or none",
  };
}

}  // namespace pulsed::ctl::top
