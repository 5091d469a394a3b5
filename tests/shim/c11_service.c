/* A service in C11: the public header and its inline code must compile and run as C. */
#include <pulsed/shim.h>

#if !defined(__STDC_VERSION__) || __STDC_VERSION__ != 201112L
#error "this file is to be compiled as C11"
#endif

int c11_service_polls(pulsed_session* session);
size_t c11_hot_size(void);

/* One poll of one task from a worker of its own; 0 if every call went well. */
int c11_service_polls(pulsed_session* session) {
  const uint16_t cls = pulsed_class(session, "c11", PULSED_PRIORITY_NORMAL);
  if (cls == 0) return 1;
  if (pulsed_worker_attach(session, "c11-worker", 0) != 0) return 2;
  pulsed_task task = pulsed_task_open(session, cls);
  pulsed_poll_begin(task);
  pulsed_queue_wait_since(task, pulsed_now());
  const int asked = pulsed_should_yield();
  if (asked) pulsed_yielding();
  pulsed_poll_next(task);
  pulsed_poll_end();
  const uint32_t directive = pulsed_task_directive(session, task);
  const uint32_t weight = pulsed_task_weight(session, task);
  pulsed_task_set_class(session, &task, cls);
  pulsed_task_close(session, task);
  pulsed_worker_detach();
  return asked || directive != 0 || weight != PULSED_WEIGHT_ORDINARY ? 3 : 0;
}

size_t c11_hot_size(void) { return sizeof(struct pulsed_hot); }
