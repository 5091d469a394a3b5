/* The C API from C11, against the installed package, with no daemon anywhere. */
#include <pulsed/shim.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  pulsed_session_options options = {.size = sizeof options, .run_dir = "/nonexistent"};
  pulsed_session* session = pulsed_session_open(&options);
  if (session == NULL || pulsed_session_attached(session)) return EXIT_FAILURE;
  uint16_t cls = pulsed_class(session, "checkout/render", PULSED_PRIORITY_NORMAL);
  if (pulsed_worker_attach(session, "worker-0", 0) != 0) return EXIT_FAILURE;

  pulsed_task task = pulsed_task_open(session, cls);
  pulsed_poll_begin(task);
  int asked = pulsed_should_yield();
  pulsed_poll_end();
  pulsed_task_close(session, task);

  pulsed_worker_detach();
  pulsed_session_close(session);
  puts("polled");
  return asked ? EXIT_FAILURE : EXIT_SUCCESS;
}
