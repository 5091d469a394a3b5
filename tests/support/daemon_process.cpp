#include "tests/support/daemon_process.h"

#include <doctest/doctest.h>

namespace pulsed::test {

DaemonProcess::~DaemonProcess() {
  if (process().was_killed()) return;
  const std::optional<Ended> ended = stop();
  INFO("the daemon's log:\n" << log());
  CHECK(ended == Ended{});
}

}  // namespace pulsed::test
