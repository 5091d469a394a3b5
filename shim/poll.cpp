// The slow ways out of the inline path: polls that nest or are measured, a page that is not ready, a ring that looks full, a
// yield that is asked; and the end of a poll long enough to have been demoted.
#include <time.h>

#include <algorithm>
#include <cstddef>

#include "shared_memory/reference.h"
#include "shim/restore_wait.h"
#include "shim/session.h"
#include "shim/worker.h"

namespace pulsed::shim {
namespace {

static_assert(offsetof(HotPage, hot) == 0);

HotPage* page_of(pulsed_hot* hot) { return reinterpret_cast<HotPage*>(hot); }

std::uint64_t thread_cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

// Begins a poll on a page that is ready; `hot.current` is set.
void begin(HotPage& page, std::uint64_t ref) {
  pulsed_hot& hot = page.hot;
  const bool asked = pulsed_wants_measure(&hot, ref) != 0;
  page.measured = asked && lease_holds(*page.worker->attachment->daemon.daemon) ? 1 : 0;
  if (page.measured != 0) page.cpu_start_ns = thread_cpu_ns();
  hot.special = page.measured != 0 || page.depth != 0 ? 1 : 0;
  *hot.rseq_cs = hot.mark;
  pulsed_publish_begin(&hot, pulsed_begin_ticks(&hot), ref);
}

struct Times {
  std::uint64_t wall;
  std::uint64_t cpu;
  std::uint64_t flags;
};

// Of the poll in flight, which has lasted `wall`.
Times measure(const HotPage& page, std::uint64_t wall) {
  Times t{};
  // Less than nothing where the clock stood still: then a start may lie ahead of it (pulsed_begin_ticks).
  const bool ahead = static_cast<std::int64_t>(wall) < 0;
  t.wall = ahead ? 0 : std::min<std::uint64_t>(wall, PULSED_SPAN_WALL_MAX);
  if (*page.hot.rseq_cs == page.hot.exact_mark) {
    t.cpu = t.wall;
    t.flags = PULSED_FLAG_CPU_EXACT;
  } else if (page.measured != 0) {
    const auto ticks_per_second = page.worker->attachment->end.service_header.ticks_per_second;
    const std::uint64_t ns = thread_cpu_ns() - page.cpu_start_ns;
    const auto ticks = static_cast<std::uint64_t>(static_cast<unsigned __int128>(ns) *
                                                  ticks_per_second / 1'000'000'000U);
    t.cpu = std::min(ticks, t.wall);
    t.flags = PULSED_FLAG_CPU_MEASURED;
  }
  return t;
}

// Books the poll in flight: usage, totals and sample. The mirror of pulsed_poll_end's tail.
void book(HotPage& page, const Times& t) {
  pulsed_hot& hot = page.hot;
  const std::uint64_t ref = hot.current;
  __atomic_store_n(&hot.line->task, 0, __ATOMIC_RELEASE);
  pulsed_add(&hot.usage[ref & PULSED_REF_SLOT_MASK], (t.wall << PULSED_USAGE_TICKS_SHIFT) + 1);
  pulsed_class_totals& totals = hot.totals[(ref >> PULSED_REF_CLASS_SHIFT) & PULSED_REF_CLASS_MASK];
  pulsed_add(&totals.polls, 1);
  pulsed_add(&totals.wall_ticks, t.wall);
  pulsed_add(&totals.cpu_ticks, t.cpu);
  pulsed_add(&totals.cpu_polls, t.flags != 0 ? 1 : 0);
  const std::uint64_t cpu_units = std::min<std::uint64_t>(
      (t.cpu + PULSED_SPAN_CPU_UNIT - 1) / PULSED_SPAN_CPU_UNIT, PULSED_SPAN_CPU_MAX);
  const bool measured = (t.flags & PULSED_FLAG_CPU_MEASURED) != 0;
  pulsed_push(&hot, ref | t.flags, t.wall | (measured ? cpu_units << PULSED_SPAN_CPU_SHIFT : 0));
}

// The start of the poll that is asked to yield, of those of this worker.
std::uint64_t yield_asked_of(const HotPage& page) {
  const WorkerState& worker = *page.worker;
  return __atomic_load_n(&worker.attachment->daemon.workers[worker.index].yield_start,
                         __ATOMIC_RELAXED);
}

void pause_outer(HotPage& page) {
  OuterPoll& outer = page.outer[page.depth++];
  const pulsed_hot& hot = page.hot;
  outer.ref = hot.current;
  outer.start = hot.start;
  outer.cpu_start_ns = page.cpu_start_ns;
  outer.flattened = page.flattened;
  outer.measured = page.measured != 0;
  outer.paused_cpu_ns = outer.measured ? thread_cpu_ns() : 0;
  outer.paused_at = pulsed_now();
  outer.exact = *hot.rseq_cs == hot.exact_mark;  // last: it speaks for all that is booked
  page.flattened = 0;
  // release: before the inner poll's start, which must never be read with the outer one's task.
  __atomic_store_n(&hot.line->task, 0, __ATOMIC_RELEASE);
  if (outer.paused_at - outer.start >= hot.long_poll) wait_restored(page, outer.start);
}

// The outer poll goes on, its begin moved by what the inner one took.
void resume_outer(HotPage& page, bool inner_exact) {
  const OuterPoll& outer = page.outer[--page.depth];
  pulsed_hot& hot = page.hot;
  hot.current = outer.ref;
  page.flattened = outer.flattened;
  page.measured = outer.measured ? 1 : 0;
  hot.special = outer.measured || outer.flattened != 0 || page.depth != 0 ? 1 : 0;
  if (outer.measured)
    page.cpu_start_ns = outer.cpu_start_ns + (thread_cpu_ns() - outer.paused_cpu_ns);
  // An inner poll that was descheduled says nothing against the outer one, whose clock stood still.
  if (outer.exact) {
    *hot.rseq_cs = hot.mark;
  } else if (inner_exact) {
    *hot.rseq_cs = 0;
  }
  const std::uint64_t inner_start = hot.start;
  hot.start = outer.start + (pulsed_now() - outer.paused_at);
  // By chance it may be the start of a poll that has ended. A yield asked of that, even a little late, is not ours; nor
  // was ours obeyed if that one's was.
  const auto names_another = [&](std::uint64_t start) {
    return start == inner_start || start == page.obeyed || start == yield_asked_of(page);
  };
  while (names_another(hot.start)) ++hot.start;
  __atomic_store_n(&hot.line->start, hot.start, __ATOMIC_RELEASE);
  __atomic_store_n(&hot.line->task, hot.current, __ATOMIC_RELEASE);
}

}  // namespace

void push_record(WorkerState& worker, pulsed_task task, pulsed_record_kind kind) {
  pulsed_hot* hot = pulsed_this_hot();
  if (hot == nullptr || hot != &worker.page->hot) return;
  pulsed_push(hot, task.ref | static_cast<std::uint64_t>(kind) << PULSED_REF_KIND_SHIFT, 0);
}

void reclassify_poll(std::uint64_t task_ref, std::uint16_t cls) {
  pulsed_hot* hot = pulsed_this_hot();
  if (hot == nullptr || hot->current == 0 || !shm::same_task(task_ref, hot->current)) return;
  constexpr std::uint64_t kClass = PULSED_REF_CLASS_MASK << PULSED_REF_CLASS_SHIFT;
  hot->current = (hot->current & ~kClass) | std::uint64_t{cls} << PULSED_REF_CLASS_SHIFT;
  __atomic_store_n(&hot->line->task, hot->current, __ATOMIC_RELEASE);
}

}  // namespace pulsed::shim

using namespace pulsed::shim;

extern "C" {

uint64_t pulsed_begin_ticks_portable(pulsed_hot* hot) {
  HotPage& page = *page_of(hot);
  // hot->start may be that of an outer poll that goes on, and later than the last begin.
  page.last_begin = std::max(pulsed_now(), std::max(page.last_begin, hot->start) + 1);
  return page.last_begin;
}

void pulsed_poll_begin_nested(pulsed_hot* hot, uint64_t ref) {
  HotPage& page = *page_of(hot);
  hot->special = 1;
  if (pulsed::shm::same_task(hot->current, ref) || page.depth == page.outer.size()) {
    ++page.flattened;
    return;
  }
  pause_outer(page);
  hot->current = ref;
  begin(page, ref);
}

void pulsed_poll_begin_slow(pulsed_hot* hot, uint64_t ref) {
  HotPage& page = *page_of(hot);
  if (page.worker == nullptr) {  // a child: the page was wiped, and the worker is our parent's
    hot->current = 0;
    go_inert();
    return;
  }
  if (__atomic_load_n(&hot->ready, __ATOMIC_RELAXED) == 0 &&
      !page.worker->session->adopt(*page.worker)) {
    hot->current = 0;  // detached: the TLS pointer is null now
    return;
  }
  begin(page, ref);
}

void pulsed_poll_end_slow(pulsed_hot* hot) {
  HotPage& page = *page_of(hot);
  if (page.flattened > 0) {
    --page.flattened;
    if (page.flattened == 0 && page.depth == 0 && page.measured == 0) hot->special = 0;
    return;
  }
  const std::uint64_t wall = pulsed_now() - hot->start;
  const Times times = measure(page, wall);
  book(page, times);
  if (wall >= hot->long_poll) wait_restored(page, hot->start);
  hot->current = 0;
  hot->special = 0;
  page.measured = 0;
  if (page.depth > 0) resume_outer(page, (times.flags & PULSED_FLAG_CPU_EXACT) != 0);
}

void pulsed_poll_end_long(pulsed_hot* hot, uint64_t wall) {
  HotPage& page = *page_of(hot);
  book(page, measure(page, wall));
  hot->current = 0;
  wait_restored(page, hot->start);
}

void pulsed_poll_next_slow(pulsed_task task) {
  pulsed_poll_end();
  pulsed_poll_begin(task);
}

void pulsed_push_slow(pulsed_hot* hot, uint64_t ref, uint64_t span) {
  const WorkerState* worker = page_of(hot)->worker;
  if (worker == nullptr) return;
  // acquire: the collector copied out what lay below before it moved `read`; pairs with RingReader::skip_to.
  const std::uint64_t read =
      __atomic_load_n(&worker->attachment->daemon.reads[worker->index], __ATOMIC_ACQUIRE);
  const std::uint64_t capacity = hot->ring_mask + 1;
  if (hot->write - read >= capacity) {
    pulsed_add(&hot->line->dropped, 1);
    return;
  }
  hot->limit = read + capacity;
  pulsed_push(hot, ref, span);
}

int pulsed_should_yield_slow(void) {
  pulsed_hot* hot = pulsed_this_hot();
  if (hot == nullptr || hot->current == 0) return 0;
  const HotPage& page = *page_of(hot);
  const std::uint64_t asked = yield_asked_of(page);
  return asked == hot->start && asked != page.obeyed &&
                 lease_holds(*page.worker->attachment->daemon.daemon)
             ? 1
             : 0;
}

void pulsed_yielding(void) {
  pulsed_hot* hot = pulsed_this_hot();
  if (hot == nullptr || pulsed_should_yield_slow() == 0) return;
  HotPage& page = *page_of(hot);
  page.obeyed = hot->start;
  hot->current |= PULSED_FLAG_YIELDED;
  pulsed_add(&hot->totals[(hot->current >> PULSED_REF_CLASS_SHIFT) & PULSED_REF_CLASS_MASK].yields,
             1);
}

}  // extern "C"
