// Threads that serve people: ordinary priority, no signals.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <thread>
#include <utility>

namespace pulsed {

// A thread inherits the control loop's priority if that was raised first; what serves people must never compete with the
// loop. Lowering is always permitted.
inline void take_ordinary_priority() {
  const sched_param none{};
  if (::sched_getscheduler(0) != SCHED_OTHER) ::sched_setscheduler(0, SCHED_OTHER, &none);
  if (::getpriority(PRIO_PROCESS, 0) < 0) ::setpriority(PRIO_PROCESS, 0, 0);
}

// While it lives, new threads begin with every signal blocked: signals are the main thread's.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// The name has at most 15 characters. Throws std::system_error if there can be no thread.
template <typename Run>
[[nodiscard]] std::thread start_ordinary_thread(const char* name, Run run) {
  const SignalsBlocked blocked;
  return std::thread([name, run = std::move(run)] {
    take_ordinary_priority();
    ::pthread_setname_np(::pthread_self(), name);
    run();
  });
}

}  // namespace pulsed
