#include "shim/worker.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>

#include "shim/rseq_mark.h"
#include "shim/session.h"

namespace {
// What a detached thread asks: all zero, so that its yield word is itself, and says no.
const pulsed_hot kInert{};
}  // namespace

extern "C" {
__thread pulsed_hot* pulsed_tls_hot = nullptr;
__thread const pulsed_hot* pulsed_tls_asked = &kInert;
}

namespace pulsed::shim {
namespace {

static_assert(offsetof(pulsed_hot, yield_offset) == 0,
              "a wiped page must read itself as not asked");

HotPage* page_of(pulsed_hot* hot) { return reinterpret_cast<HotPage*>(hot); }

std::uint64_t thread_cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

void go_inert() {
  __atomic_store_n(&pulsed_tls_asked, &kInert, __ATOMIC_RELEASE);
  __atomic_store_n(&pulsed_tls_hot, nullptr, __ATOMIC_RELEASE);
}

// The worker of this thread. Unlike the page it survives fork(2), and is only trusted after looking at the page.
thread_local WorkerState* tls_worker = nullptr;

// Detaches a thread that ends without saying so.
struct ThreadEnd {
  bool armed = false;
  ~ThreadEnd() {
    if (armed) pulsed_worker_detach();
  }
};
thread_local ThreadEnd tls_thread_end;

bool same_task(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kTask = PULSED_REF_SLOT_MASK | PULSED_REF_GENERATION_MASK
                                                             << PULSED_REF_GENERATION_SHIFT;
  constexpr std::uint64_t kClass = PULSED_REF_CLASS_MASK << PULSED_REF_CLASS_SHIFT;
  // Without a slot only the class tells them apart.
  const std::uint64_t mask = (a & PULSED_REF_SLOT_MASK) == 0 ? kTask | kClass : kTask;
  return ((a ^ b) & mask) == 0;
}

// Begins a poll on a page that is ready; `hot.current` is set.
void begin(HotPage& page, std::uint64_t ref) {
  pulsed_hot& hot = page.hot;
  const bool asked = pulsed_wants_measure(&hot, ref) != 0;
  page.measured = asked && lease_holds(*page.worker->attachment->daemon.daemon) ? 1 : 0;
  if (page.measured != 0) page.cpu_start_ns = thread_cpu_ns();
  hot.special = page.measured != 0 || page.depth != 0 ? 1 : 0;
  *hot.rseq_cs = hot.mark;
  hot.start = pulsed_now();
  __atomic_store_n(&hot.line->start, hot.start, __ATOMIC_RELEASE);
  __atomic_store_n(&hot.line->task, ref, __ATOMIC_RELEASE);
}

struct Times {
  std::uint64_t wall;
  std::uint64_t cpu;
  std::uint64_t flags;
};

Times measure(const HotPage& page) {
  Times t{};
  t.wall = std::min<std::uint64_t>(pulsed_now() - page.hot.start, PULSED_SPAN_WALL_MAX);
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
  if (hot.start == inner_start)
    ++hot.start;  // by chance: but a yield asked of the inner poll is not ours
  __atomic_store_n(&hot.line->start, hot.start, __ATOMIC_RELEASE);
  __atomic_store_n(&hot.line->task, hot.current, __ATOMIC_RELEASE);
}

HotPage* map_page() {
  void* memory =
      ::mmap(nullptr, PULSED_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (::madvise(memory, PULSED_PAGE, MADV_WIPEONFORK) !=
      0) {  // without it a child could write our rings
    ::munmap(memory, PULSED_PAGE);
    return nullptr;
  }
  return new (memory) HotPage{};
}

struct Unmap {
  void operator()(HotPage* page) const { ::munmap(page, PULSED_PAGE); }
};

// Null if there is no memory or no free line.
WorkerState* become_worker(Session& session, const char* name, std::uint32_t flags) {
  std::unique_ptr<HotPage, Unmap> page(map_page());
  if (page == nullptr) return nullptr;
  auto worker = std::make_unique<WorkerState>();
  worker->page = page.get();
  worker->tid = static_cast<std::uint32_t>(::gettid());
  worker->flags = PULSED_WORKER_ATTACHED |
                  ((flags & PULSED_WORKER_ATTACH_ISOLATION) != 0 ? PULSED_WORKER_ISOLATION : 0);
  worker->name = name == nullptr ? "" : name;
  worker->tls_hot = &pulsed_tls_hot;
  worker->tls_asked = &pulsed_tls_asked;
  page->worker = worker.get();
  const RseqMark rseq = this_thread_rseq();
  page->hot.rseq_cs = rseq.field != nullptr ? rseq.field : &page->unused_rseq;
  page->hot.mark = rseq.mark;
  WorkerState* raw = worker.get();
  if (!session.add_worker(std::move(worker))) return nullptr;
  (void)page.release();  // the worker's, until it detaches
  return raw;
}

}  // namespace

bool lease_holds(const pulsed_daemon_line& daemon) {
  const std::uint64_t heartbeat = __atomic_load_n(&daemon.heartbeat, __ATOMIC_RELAXED);
  const std::uint64_t lease = __atomic_load_n(&daemon.lease_ticks, __ATOMIC_RELAXED);
  const std::uint64_t now = pulsed_now();
  return now < heartbeat || now - heartbeat <= lease;  // a heartbeat may be newer than our reading
}

WorkerState* this_worker() {
  return tls_worker != nullptr && tls_worker->page->worker != nullptr ? tls_worker : nullptr;
}

void point_at(WorkerState& worker, std::shared_ptr<Attachment> attachment) {
  worker.attachment = std::move(attachment);
  pulsed_hot& hot = worker.page->hot;
  if (worker.attachment == nullptr) {
    __atomic_store_n(worker.tls_asked, &kInert, __ATOMIC_RELEASE);
    __atomic_store_n(worker.tls_hot, nullptr, __ATOMIC_RELEASE);
    return;
  }
  const Attachment& a = *worker.attachment;
  const auto* yield_word =
      reinterpret_cast<const char*>(&a.daemon.workers[worker.index].yield_start);
  hot.yield_offset = yield_word - reinterpret_cast<const char*>(&hot);
  hot.line = &a.service.lines[worker.index];
  hot.totals = &a.service.totals[std::size_t{worker.index} * a.dimensions.classes];
  hot.usage = a.service.usage;
  hot.task_words = a.daemon.tasks;
  hot.ring = &a.service.rings[std::size_t{worker.index} * a.dimensions.ring_samples];
  hot.ring_mask = a.dimensions.ring_samples - 1;
  hot.write = __atomic_load_n(&hot.line->write, __ATOMIC_RELAXED);
  hot.limit = hot.write;  // the slow path finds the room
  const bool mark_tells = a.mark_tells && hot.rseq_cs != &worker.page->unused_rseq;
  hot.exact_mark = mark_tells ? hot.mark : ~hot.mark;
  __atomic_store_n(&hot.ready, 1, __ATOMIC_RELAXED);
  // release: publishes the page; pairs with pulsed_this_hot.
  __atomic_store_n(worker.tls_hot, &hot, __ATOMIC_RELEASE);
  __atomic_store_n(worker.tls_asked, &hot, __ATOMIC_RELEASE);
}

void push_record(WorkerState& worker, pulsed_task task, pulsed_record_kind kind) {
  pulsed_hot* hot = pulsed_this_hot();
  if (hot == nullptr || hot != &worker.page->hot) return;
  pulsed_push(hot, task.ref | static_cast<std::uint64_t>(kind) << PULSED_REF_KIND_SHIFT, 0);
}

void reclassify_poll(std::uint64_t task_ref, std::uint16_t cls) {
  pulsed_hot* hot = pulsed_this_hot();
  if (hot == nullptr || hot->current == 0 || !same_task(task_ref, hot->current)) return;
  constexpr std::uint64_t kClass = PULSED_REF_CLASS_MASK << PULSED_REF_CLASS_SHIFT;
  hot->current = (hot->current & ~kClass) | std::uint64_t{cls} << PULSED_REF_CLASS_SHIFT;
  __atomic_store_n(&hot->line->task, hot->current, __ATOMIC_RELEASE);
}

}  // namespace pulsed::shim

using namespace pulsed::shim;

extern "C" {

int pulsed_worker_attach_checked(pulsed_session* session, const char* name, uint32_t flags,
                                 uint32_t header_version, size_t hot_size) {
  auto* s = reinterpret_cast<Session*>(session);
  if (s == nullptr || s->in_child()) return -1;
  if (const WorkerState* worker = this_worker(); worker != nullptr) {
    if (!worker->session->closed() || worker->page->hot.current != 0) return -1;
    pulsed_worker_detach();
  }
  go_inert();  // a child's thread may still point to its parent's page, and would look attached
  try {
    if (header_version != PULSED_SHIM_VERSION || hot_size != sizeof(pulsed_hot)) {
      s->say_once(
          "this service was built against another version of <pulsed/shim.h> than libpulsed-shim; "
          "rebuild it; its workers stay unwatched");
      return -1;
    }
    tls_worker = become_worker(*s, name, flags);
  } catch (const std::exception&) {
    tls_worker = nullptr;
  }
  if (tls_worker == nullptr) return -1;
  tls_thread_end.armed = true;
  return 0;
}

void pulsed_worker_detach(void) {
  WorkerState* worker = this_worker();
  tls_worker = nullptr;
  if (worker == nullptr) {  // not a worker, or a child: there the page is the parent's
    go_inert();
    return;
  }
  HotPage* page = worker->page;
  *page->hot.rseq_cs = 0;
  const std::shared_ptr<Session> session = worker->session;  // ours may be the last share
  session->remove_worker(worker);
  go_inert();  // not earlier: until it is removed, the session gives an inert worker each new attachment
  ::munmap(page, PULSED_PAGE);
}

void pulsed_poll_begin_nested(pulsed_hot* hot, uint64_t ref) {
  HotPage& page = *page_of(hot);
  hot->special = 1;
  if (same_task(hot->current, ref) || page.depth == page.outer.size()) {
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
  const Times times = measure(page);
  book(page, times);
  hot->current = 0;
  hot->special = 0;
  page.measured = 0;
  if (page.depth > 0) resume_outer(page, (times.flags & PULSED_FLAG_CPU_EXACT) != 0);
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
  const Attachment& a = *page.worker->attachment;
  const std::uint64_t asked =
      __atomic_load_n(&a.daemon.workers[page.worker->index].yield_start, __ATOMIC_RELAXED);
  return asked == hot->start && asked != page.obeyed && lease_holds(*a.daemon.daemon) ? 1 : 0;
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
