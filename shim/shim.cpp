// The C ABI over Session. Nothing is thrown through it.
#include <pulsed/shim.h>

#include <cstring>
#include <exception>

#include "shim/session.h"
#include "shim/spares.h"

using pulsed::shim::Session;
using pulsed::shim::Spares;

namespace {
Session* of(pulsed_session* s) { return reinterpret_cast<Session*>(s); }
const Session* of(const pulsed_session* s) { return reinterpret_cast<const Session*>(s); }
}  // namespace

extern "C" {

pulsed_session* pulsed_session_open(const pulsed_session_options* options) {
  pulsed_session_options full{};
  if (options !=
      nullptr) {  // a caller of an older header gives less, of a newer one more than we know
    std::memcpy(&full, options, options->size < sizeof(full) ? options->size : sizeof(full));
  }
  try {
    return reinterpret_cast<pulsed_session*>(Session::open(full));
  } catch (const std::exception&) {
    return nullptr;
  }
}

void pulsed_session_close(pulsed_session* session) {
  Session* s = of(session);
  // In a child the session is its parent's: its thread is not here, and its lock may be held for ever.
  if (s != nullptr && !s->in_child()) s->close();
}

int pulsed_session_attached(const pulsed_session* session) {
  return session != nullptr && of(session)->attached() ? 1 : 0;
}

int pulsed_session_wait_attached(pulsed_session* session, uint32_t timeout_ms) {
  return session != nullptr && of(session)->wait_attached(timeout_ms) ? 1 : 0;
}

uint16_t pulsed_class(pulsed_session* session, const char* name, enum pulsed_priority priority) {
  if (session == nullptr || name == nullptr) return 0;
  try {
    return of(session)->task_class(name, priority);
  } catch (const std::exception&) {
    return 0;
  }
}

pulsed_task pulsed_task_open(pulsed_session* session, uint16_t cls) {
  return session != nullptr ? of(session)->open_task(cls) : pulsed_task{0};
}

void pulsed_task_close(pulsed_session* session, pulsed_task task) {
  if (session != nullptr) of(session)->close_task(task);
}

void pulsed_task_set_class(pulsed_session* session, pulsed_task* task, uint16_t cls) {
  if (session != nullptr && task != nullptr) of(session)->set_class(*task, cls);
}

uint32_t pulsed_task_directive(const pulsed_session* session, pulsed_task task) {
  return session != nullptr ? of(session)->directive(task) : 0;
}

uint32_t pulsed_task_weight(const pulsed_session* session, pulsed_task task) {
  return session != nullptr ? of(session)->weight(task) : PULSED_WEIGHT_ORDINARY;
}

pulsed_spares* pulsed_spares_open(pulsed_session* session, const pulsed_spares_options* options) {
  if (session == nullptr || options == nullptr) return nullptr;
  try {
    return reinterpret_cast<pulsed_spares*>(
        Spares::open(of(session)->shared_from_this(), *options));
  } catch (const std::exception&) {
    return nullptr;
  }
}

void pulsed_spares_close(pulsed_spares* spares) {
  if (spares == nullptr) return;
  try {
    Spares::close(reinterpret_cast<Spares*>(spares));
  } catch (const std::exception&) {  // only what says why it does nothing can fail
  }
}

int pulsed_daemon_demotes(const pulsed_session* session) {
  return session != nullptr && of(session)->daemon_demotes() ? 1 : 0;
}

}  // extern "C"
