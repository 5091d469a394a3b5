#include "shim/rseq_mark.h"

#include <time.h>

#if defined(__x86_64__) && __has_include(<sys/rseq.h>)
#include <sys/rseq.h>

#include <cstddef>

// One byte of a sequence nobody enters, and an abort handler behind the signature that the kernel insists on.
asm(R"(
    .pushsection .text.pulsed_rseq, "ax", @progbits
    .balign 16
    .globl pulsed_rseq_begin
    .hidden pulsed_rseq_begin
pulsed_rseq_begin:
    nop
    .byte 0x0f, 0xb9, 0x3d
    .long 0x53053053
    .globl pulsed_rseq_abort
    .hidden pulsed_rseq_abort
pulsed_rseq_abort:
    ud2
    .popsection
)");

extern "C" {
extern const char pulsed_rseq_begin[] __attribute__((visibility("hidden")));
extern const char pulsed_rseq_abort[] __attribute__((visibility("hidden")));
// Weak: a libc older than 2.35 has none.
#pragma weak __rseq_offset
#pragma weak __rseq_size
}

namespace pulsed::shim {
namespace {

struct alignas(32) Descriptor {
  std::uint32_t version;
  std::uint32_t flags;
  const char* start_ip;
  std::uint64_t post_commit_offset;
  const char* abort_ip;
};
static_assert(sizeof(Descriptor) == sizeof(struct rseq_cs));

const Descriptor kNeverExecuted{0, 0, pulsed_rseq_begin, 1, pulsed_rseq_abort};

}  // namespace

RseqMark this_thread_rseq() {
  const auto mark = reinterpret_cast<std::uint64_t>(&kNeverExecuted);
  if (&__rseq_size == nullptr || __rseq_size == 0) return {nullptr, mark};
  char* area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
  return {reinterpret_cast<volatile std::uint64_t*>(area + offsetof(struct rseq, rseq_cs)), mark};
}

}  // namespace pulsed::shim

#else

namespace pulsed::shim {
RseqMark this_thread_rseq() { return {nullptr, 1}; }
}  // namespace pulsed::shim

#endif

namespace pulsed::shim {

bool mark_outlasts_sleep(const RseqMark& rseq) {
  if (rseq.field == nullptr) return false;
  constexpr int kSleeps = 8;  // each may end on another processor, which clears the mark everywhere
  const timespec nap{0, 100'000};
  bool outlasted = false;
  for (int i = 0; i < kSleeps && !outlasted; ++i) {
    *rseq.field = rseq.mark;
    ::nanosleep(&nap, nullptr);
    outlasted = *rseq.field == rseq.mark;
  }
  *rseq.field = 0;
  return outlasted;
}

}  // namespace pulsed::shim
