#include "shim/worker.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <exception>
#include <mutex>
#include <new>

#include "shim/rseq_mark.h"
#include "shim/session.h"
#include "shim/spares.h"

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

// The worker of this thread. Unlike the page it survives fork(2), and is only trusted after looking at the page.
thread_local WorkerState* tls_worker = nullptr;

// Detaches a thread that ends without saying so.
struct ThreadEnd {
  bool armed = false;
  ~ThreadEnd() {
    if (armed) detach_this_thread();
  }
};
thread_local ThreadEnd tls_thread_end;

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

WorkerState* become_worker(Session& session, const char* name, std::uint32_t kind,
                           std::uint32_t run_loop) {
  std::unique_ptr<HotPage, Unmap> page(map_page());
  if (page == nullptr) return nullptr;
  auto worker = std::make_unique<WorkerState>();
  worker->page = page.get();
  worker->tid = static_cast<std::uint32_t>(::gettid());
  worker->flags = PULSED_WORKER_ATTACHED | kind;
  worker->run_loop = run_loop;
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

bool is_spare(const WorkerState& worker) { return (worker.flags & PULSED_WORKER_SPARE) != 0; }

}  // namespace

void go_inert() {
  __atomic_store_n(&pulsed_tls_asked, &kInert, __ATOMIC_RELEASE);
  __atomic_store_n(&pulsed_tls_hot, nullptr, __ATOMIC_RELEASE);
}

bool lease_holds(const pulsed_daemon_line& daemon) {
  const std::uint64_t heartbeat = __atomic_load_n(&daemon.heartbeat, __ATOMIC_RELAXED);
  const std::uint64_t lease = __atomic_load_n(&daemon.lease_ticks, __ATOMIC_RELAXED);
  const std::uint64_t now = pulsed_now();
  // A heartbeat may be newer than our reading, but not by more.
  return (now < heartbeat ? heartbeat - now : now - heartbeat) <= lease;
}

WorkerState* attach_this_thread(Session& session, const char* name, std::uint32_t kind,
                                std::uint32_t run_loop) {
  go_inert();  // a child's thread may still point to its parent's page, and would look attached
  try {
    tls_worker = become_worker(session, name, kind, run_loop);
  } catch (const std::exception&) {
    tls_worker = nullptr;
  }
  if (tls_worker != nullptr) tls_thread_end.armed = true;
  return tls_worker;
}

void detach_this_thread() {
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

WorkerState* this_worker() {
  return tls_worker != nullptr && tls_worker->page->worker != nullptr ? tls_worker : nullptr;
}

void point_at(WorkerState& worker, std::shared_ptr<Attachment> attachment) {
  worker.attachment = std::move(attachment);
  pulsed_hot& hot = worker.page->hot;
  worker.page->unrestored = 0;
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
  hot.long_poll = a.end.service_header.ticks_per_second / 1'000'000 * PULSED_SHORTEST_DEMOTED_US;
  __atomic_store_n(&hot.ready, 1, __ATOMIC_RELAXED);
  // release: publishes the page; pairs with pulsed_this_hot.
  __atomic_store_n(worker.tls_hot, &hot, __ATOMIC_RELEASE);
  __atomic_store_n(worker.tls_asked, &hot, __ATOMIC_RELEASE);
}

}  // namespace pulsed::shim

using namespace pulsed::shim;

extern "C" {

int pulsed_worker_attach_checked(pulsed_session* session, const char* name, uint32_t flags,
                                 uint32_t header_version, size_t hot_size) {
  auto* s = reinterpret_cast<Session*>(session);
  if (s == nullptr || s->in_child()) return -1;
  if (const WorkerState* worker = this_worker(); worker != nullptr) {
    if (is_spare(*worker) || !worker->session->closed() || worker->page->hot.current != 0) {
      return -1;
    }
    detach_this_thread();
  }
  if (header_version != PULSED_SHIM_VERSION || hot_size != sizeof(pulsed_hot)) {
    go_inert();
    try {
      s->say_once(
          "this service was built against another version of <pulsed/shim.h> than libpulsed-shim; "
          "rebuild it; its workers stay unwatched");
    } catch (const std::exception&) {  // no memory: unsaid
    }
    return -1;
  }
  const bool isolation = (flags & PULSED_WORKER_ATTACH_ISOLATION) != 0;
  return attach_this_thread(*s, name, isolation ? PULSED_WORKER_ISOLATION : 0, 0) != nullptr ? 0
                                                                                             : -1;
}

void pulsed_worker_detach(void) {
  // A spare worker is one until the spares are closed.
  if (const WorkerState* worker = this_worker(); worker != nullptr && is_spare(*worker)) return;
  detach_this_thread();
}

void pulsed_worker_serves(pulsed_spares* spares) {
  WorkerState* worker = this_worker();
  if (worker == nullptr) return;
  auto* served = reinterpret_cast<Spares*>(spares);
  const std::uint32_t run_loop = served != nullptr ? served->run_loop() : 0;
  constexpr std::uint32_t kOfItsOwn = PULSED_WORKER_SPARE | PULSED_WORKER_ISOLATION;
  if (worker->run_loop == run_loop || (worker->flags & kOfItsOwn) != 0) return;
  if (served != nullptr && &served->session() != worker->session.get()) return;
  const bool more = worker->session->set_run_loop(*worker, run_loop,
                                                  served != nullptr ? served->servers() : nullptr);
  if (!more) return;
  served->take_over_environment();
  worker->session->poke();
}

}  // extern "C"
