// A translation unit with the per-poll calls compiled out. C functions only: they are static inline, so that this unit may
// live beside others that have the calls.
#define PULSED_DISABLED
#include <pulsed/shim.h>

namespace pulsed::test {

bool disabled_poll(pulsed_task task) {
  pulsed_poll_begin(task);
  pulsed_queue_wait(task, 10);
  pulsed_queue_wait_since(task, 10);
  const bool asked = pulsed_should_yield() != 0;
  pulsed_poll_next(task);
  pulsed_poll_end();
  return asked;
}

}  // namespace pulsed::test
