// A mark that the kernel wipes when it deschedules the thread: how a poll knows that its CPU time is its wall time.
//
// glibc registers a struct rseq for every thread. Whenever the kernel preempts, migrates or signals a thread whose rseq_cs
// is set, it either aborts the restartable sequence, if the thread is inside one, or clears the field. Our descriptor names
// a sequence that is never executed, so the kernel only ever clears it. (Linux, Documentation of rseq(2).)
#pragma once

#include <cstdint>

namespace pulsed::shim {

struct RseqMark {
  volatile std::uint64_t*
      field;           // this thread's rseq_cs, or null where glibc has not registered rseq
  std::uint64_t mark;  // the descriptor's address
};

[[nodiscard]] RseqMark this_thread_rseq();

// Does the mark outlast a sleep of the calling thread, so that it proves nothing? Some kernels clear it only where they find
// the thread preempted. Takes about a millisecond; no poll may be in flight.
[[nodiscard]] bool mark_outlasts_sleep(const RseqMark& rseq);

}  // namespace pulsed::shim
