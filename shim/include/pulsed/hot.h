/* The per-poll path, inlined into services. Included by pulsed/shim.h; nothing here is called by name elsewhere.
 *
 * A worker's hot state lies in a private page of its own, marked MADV_WIPEONFORK: in a forked child it reads as zeroes, and
 * zeroes mean inert. The thread finds it through one initial-exec TLS pointer, null while detached. Both are written by the
 * worker alone once the pointer is set; the shim's own thread fills them while it is null, and afterwards only clears
 * `ready`, upon which the worker itself changes over at its next poll begin. */
#ifndef PULSED_HOT_H
#define PULSED_HOT_H

#ifndef PULSED_SHIM_H
#error "include <pulsed/shim.h> instead"
#endif

#include <pulsed/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pulsed_hot {
  /* Bytes from here to this worker's yield word. Zero, as in a wiped page, makes it read itself: "not asked". */
  int64_t yield_offset;
  uint32_t ready;   /* 0: take the slow path at the next poll begin */
  uint32_t special; /* not 0: the poll in flight ends on the slow path (nested, or measured) */
  uint64_t current; /* reference of the poll in flight, with kind and flags; 0 between polls */
  uint64_t start;   /* its begin, in ticks */
  struct pulsed_worker_line* line;
  struct pulsed_class_totals* totals; /* by class */
  uint64_t* usage;                    /* by slot */
  const uint32_t* task_words;         /* by slot, in D */
  struct pulsed_sample* ring;
  uint64_t ring_mask;
  uint64_t write;             /* our private copy of line->write */
  uint64_t limit;             /* the ring is known to have room below this index */
  volatile uint64_t* rseq_cs; /* where the kernel clears our mark when it deschedules us */
  uint64_t mark;              /* what poll begin stores there */
  uint64_t
      exact_mark; /* what poll end must find there; never found where the mark proves nothing */
  uint64_t
      long_poll; /* ticks; a poll of so many ends out of line, as its thread may have been demoted */
};

/* This thread's hot state while attached, else null. */
extern PULSED_API __thread struct pulsed_hot* pulsed_tls_hot
    __attribute__((tls_model("initial-exec")));
/* The same, but an all-zero state while detached: never null, so that should_yield needs no branch for it. */
extern PULSED_API __thread const struct pulsed_hot* pulsed_tls_asked
    __attribute__((tls_model("initial-exec")));
extern PULSED_API uint32_t pulsed_clock_is_tsc; /* set once, when the library is loaded */
PULSED_API uint64_t pulsed_now_portable(void);
PULSED_API uint64_t pulsed_begin_ticks_portable(struct pulsed_hot* hot);

PULSED_API int pulsed_worker_attach_checked(pulsed_session* session, const char* name,
                                            uint32_t flags, uint32_t header_version,
                                            size_t hot_size);
PULSED_API void pulsed_poll_begin_nested(struct pulsed_hot* hot, uint64_t ref);
PULSED_API void pulsed_poll_begin_slow(struct pulsed_hot* hot, uint64_t ref);
PULSED_API void pulsed_poll_end_slow(struct pulsed_hot* hot);
PULSED_API void pulsed_poll_end_long(struct pulsed_hot* hot, uint64_t wall);
PULSED_API void pulsed_poll_next_slow(pulsed_task task);
PULSED_API void pulsed_push_slow(struct pulsed_hot* hot, uint64_t ref, uint64_t span);
PULSED_API int pulsed_should_yield_slow(void);

#define PULSED_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Compilers find the per-poll calls too large, and a detached service would pay for a call each. */
#define PULSED_INLINE static inline __attribute__((always_inline))

static inline int pulsed_worker_attach(pulsed_session* session, const char* name, uint32_t flags) {
  return pulsed_worker_attach_checked(session, name, flags, PULSED_SHIM_VERSION,
                                      sizeof(struct pulsed_hot));
}

PULSED_INLINE uint64_t pulsed_now(void) {
#if defined(__x86_64__)
  if (!PULSED_UNLIKELY(pulsed_clock_is_tsc == 0)) return __builtin_ia32_rdtsc();
#endif
  return pulsed_now_portable();
}

/* Now, as the begin of a poll, which it names: no worker has the same twice running. RDTSC gives no value twice; where
 * the clock is another, and may stand still between two polls, the library sees to it. */
PULSED_INLINE uint64_t pulsed_begin_ticks(struct pulsed_hot* hot) {
#if defined(__x86_64__)
  if (!PULSED_UNLIKELY(pulsed_clock_is_tsc == 0)) return __builtin_ia32_rdtsc();
#endif
  return pulsed_begin_ticks_portable(hot);
}

/* Has this thread no hot state? Two instructions, where compilers load the pointer first and test it then: it is loaded
 * behind the branch. Between the two it stays, as only the thread itself takes it away. */
PULSED_INLINE int pulsed_inert(void) {
#if defined(__x86_64__)
  __asm__ goto("cmpq $0, %0\n\tje %l[inert]" : : "m"(pulsed_tls_hot) : "cc" : inert);
  return 0;
inert:
  return 1;
#else
  return __atomic_load_n(&pulsed_tls_hot, __ATOMIC_RELAXED) == 0;
#endif
}

/* Behind pulsed_inert(), never null. */
PULSED_INLINE struct pulsed_hot* pulsed_this_hot(void) {
  /* acquire: the shim's thread may have filled it; pairs with its release in worker.cpp. */
  return __atomic_load_n(&pulsed_tls_hot, __ATOMIC_ACQUIRE);
}

/* Stores one sample, or leaves it to the slow path when the ring looks full. */
PULSED_INLINE void pulsed_push(struct pulsed_hot* hot, uint64_t ref, uint64_t span) {
  const uint64_t write = hot->write;
  if (PULSED_UNLIKELY((int64_t)(hot->limit - write) <= 0)) {
    pulsed_push_slow(hot, ref, span);
    return;
  }
  struct pulsed_sample* sample = &hot->ring[write & hot->ring_mask];
  __atomic_store_n(&sample->ref, ref, __ATOMIC_RELAXED);
  __atomic_store_n(&sample->span, span, __ATOMIC_RELAXED);
  hot->write = write + 1;
  /* release: publishes the sample; pairs with the collector's load of `write`. */
  __atomic_store_n(&hot->line->write, write + 1, __ATOMIC_RELEASE);
}

/* A total with one writer: a plain add that readers never see torn. */
PULSED_INLINE void pulsed_add(uint64_t* word, uint64_t n) {
  __atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* Is this task's word in D current, and does it ask to measure? Unlike other directives this one is not taken from the class's
 * word while the task has none of its own: that would cost every poll a load. */
PULSED_INLINE int pulsed_wants_measure(const struct pulsed_hot* hot, uint64_t ref) {
  const uint32_t word =
      __atomic_load_n(&hot->task_words[ref & PULSED_REF_SLOT_MASK], __ATOMIC_RELAXED);
  const uint32_t generation = (uint32_t)(ref >> PULSED_REF_GENERATION_SHIFT)
                              << PULSED_WORD_GENERATION_SHIFT;
  return ((word ^ generation) & (0xffff0000u | PULSED_DIRECTIVE_MEASURE)) ==
         PULSED_DIRECTIVE_MEASURE;
}

#ifdef PULSED_DISABLED

PULSED_INLINE void pulsed_poll_begin(pulsed_task task) { (void)task; }
PULSED_INLINE void pulsed_poll_end(void) {}
PULSED_INLINE void pulsed_poll_next(pulsed_task task) { (void)task; }
PULSED_INLINE void pulsed_queue_wait(pulsed_task task, uint64_t ticks) { (void)task, (void)ticks; }
PULSED_INLINE void pulsed_queue_wait_since(pulsed_task task, uint64_t queued) {
  (void)task, (void)queued;
}
PULSED_INLINE int pulsed_should_yield(void) { return 0; }

#else

PULSED_INLINE uint64_t pulsed_poll_ref(pulsed_task task) {
  return task.ref | (uint64_t)PULSED_KIND_POLL << PULSED_REF_KIND_SHIFT;
}

/* Says in the worker line that the poll begins. */
PULSED_INLINE void pulsed_publish_begin(struct pulsed_hot* hot, uint64_t start, uint64_t ref) {
  struct pulsed_worker_line* line = hot->line;
  hot->start = start;
  /* release: after the last poll's `task = 0`; pairs with the collector's first load of start. */
  __atomic_store_n(&line->start, start, __ATOMIC_RELEASE);
  /* release: publishes `start`; pairs with the collector's load of task. */
  __atomic_store_n(&line->task, ref, __ATOMIC_RELEASE);
}

/* Adds an ended poll to its task's usage and its class's totals, and pushes its sample. */
PULSED_INLINE void pulsed_book(struct pulsed_hot* hot, uint64_t ref, uint64_t wall,
                               uint64_t exact) {
  pulsed_add(&hot->usage[ref & PULSED_REF_SLOT_MASK], (wall << PULSED_USAGE_TICKS_SHIFT) + 1);
  struct pulsed_class_totals* totals =
      &hot->totals[(ref >> PULSED_REF_CLASS_SHIFT) & PULSED_REF_CLASS_MASK];
  pulsed_add(&totals->polls, 1);
  pulsed_add(&totals->wall_ticks, wall);
  pulsed_add(&totals->cpu_ticks, wall & (0 - exact));
  pulsed_add(&totals->cpu_polls, exact);
  pulsed_push(hot, ref | exact << 56, wall);
}

PULSED_INLINE void pulsed_poll_begin(pulsed_task task) {
  if (pulsed_inert()) return;
  struct pulsed_hot* hot = pulsed_this_hot();
  const uint64_t ref = pulsed_poll_ref(task);
  if (PULSED_UNLIKELY(hot->current != 0)) {
    pulsed_poll_begin_nested(hot, ref);
    return;
  }
  hot->current = ref;
  if (PULSED_UNLIKELY(__atomic_load_n(&hot->ready, __ATOMIC_RELAXED) == 0) ||
      PULSED_UNLIKELY(pulsed_wants_measure(hot, ref))) {
    pulsed_poll_begin_slow(hot, ref);
    return;
  }
  *hot->rseq_cs = hot->mark;
  pulsed_publish_begin(hot, pulsed_begin_ticks(hot), ref);
}

PULSED_INLINE void pulsed_poll_end(void) {
  if (pulsed_inert()) return;
  struct pulsed_hot* hot = pulsed_this_hot();
  const uint64_t ref = hot->current;
  if (PULSED_UNLIKELY(ref == 0)) return;
  if (PULSED_UNLIKELY(hot->special != 0)) {
    pulsed_poll_end_slow(hot);
    return;
  }
  const uint64_t wall = pulsed_now() - hot->start;
  if (PULSED_UNLIKELY(wall >= hot->long_poll)) {
    pulsed_poll_end_long(hot, wall);
    return;
  }
  const uint64_t exact = *hot->rseq_cs == hot->exact_mark;
  /* release: after everything the poll did; pairs with the collector's load of task. */
  __atomic_store_n(&hot->line->task, 0, __ATOMIC_RELEASE);
  pulsed_book(hot, ref, wall, exact);
  hot->current = 0;
}

/* An end and a begin in one. What either would do off the path that most polls take is left to them, out of line: also
 * where the mark was wiped, as it has to be set before the clock is read for the next poll, and looked at after the
 * clock was read for this one. A mark that stands covers both. */
PULSED_INLINE void pulsed_poll_next(pulsed_task task) {
  if (pulsed_inert()) return;
  struct pulsed_hot* hot = pulsed_this_hot();
  const uint64_t next = pulsed_poll_ref(task);
  const uint64_t ref = hot->current;
  if (PULSED_UNLIKELY(ref == 0) || PULSED_UNLIKELY(hot->special != 0) ||
      PULSED_UNLIKELY(__atomic_load_n(&hot->ready, __ATOMIC_RELAXED) == 0) ||
      PULSED_UNLIKELY(pulsed_wants_measure(hot, next))) {
    pulsed_poll_next_slow(task);
    return;
  }
  /* Before the clock is read, so that nobody who still sees this poll has looked long after the next one's start: the
   * clock does not wait for the store. release: as in pulsed_poll_end; and never is the one poll's start seen with the
   * other's task. */
  __atomic_store_n(&hot->line->task, 0, __ATOMIC_RELEASE);
  const uint64_t now = pulsed_begin_ticks(hot);
  const uint64_t wall = now - hot->start;
  const uint64_t mark = *hot->rseq_cs;
  if (PULSED_UNLIKELY(wall >= hot->long_poll) || PULSED_UNLIKELY(mark != hot->mark)) {
    pulsed_poll_next_slow(task);
    return;
  }
  pulsed_book(hot, ref, wall, mark == hot->exact_mark);
  hot->current = next;
  pulsed_publish_begin(hot, now, next);
}

PULSED_INLINE void pulsed_book_queue_wait(struct pulsed_hot* hot, pulsed_task task,
                                          uint64_t ticks) {
  if (PULSED_UNLIKELY(ticks > PULSED_SPAN_WALL_MAX)) ticks = PULSED_SPAN_WALL_MAX;
  struct pulsed_class_totals* totals =
      &hot->totals[(task.ref >> PULSED_REF_CLASS_SHIFT) & PULSED_REF_CLASS_MASK];
  pulsed_add(&totals->queue_waits, 1);
  pulsed_add(&totals->queue_wait_ticks, ticks);
  pulsed_push(hot, task.ref | (uint64_t)PULSED_KIND_QUEUE_WAIT << PULSED_REF_KIND_SHIFT, ticks);
}

PULSED_INLINE void pulsed_queue_wait(pulsed_task task, uint64_t ticks) {
  if (pulsed_inert()) return;
  struct pulsed_hot* hot = pulsed_this_hot();
  /* Only inside a poll: in a wiped page, and after detaching, there is none. */
  if (hot->current != 0) pulsed_book_queue_wait(hot, task, ticks);
}

PULSED_INLINE void pulsed_queue_wait_since(pulsed_task task, uint64_t queued) {
  if (pulsed_inert()) return;
  struct pulsed_hot* hot = pulsed_this_hot();
  if (hot->current == 0) return;
  uint64_t ticks = hot->start - queued;
  if (PULSED_UNLIKELY((int64_t)ticks < 0) || PULSED_UNLIKELY(hot->special != 0)) {
    /* Another CPU's clock is ahead; or `start` may be that of a poll around this one. */
    const uint64_t now = pulsed_now();
    ticks = now > queued ? now - queued : 0;
  }
  pulsed_book_queue_wait(hot, task, ticks);
}

PULSED_INLINE int pulsed_should_yield(void) {
  /* acquire: as in pulsed_this_hot */
  const struct pulsed_hot* hot = __atomic_load_n(&pulsed_tls_asked, __ATOMIC_ACQUIRE);
  const uint64_t* yield_word = (const uint64_t*)((const char*)hot + hot->yield_offset);
#if defined(__x86_64__)
  /* Compilers keep a relaxed load and its test apart: one instruction more in every loop that asks. */
  __asm__ goto("cmpq $0, %0\n\tjne %l[asked]" : : "m"(*yield_word) : "cc" : asked);
  __asm__ volatile(""); /* without it Clang tests the 0 that is returned here */
  return 0;
asked:
#else
  if (!PULSED_UNLIKELY(__atomic_load_n(yield_word, __ATOMIC_RELAXED) != 0)) return 0;
#endif
  return pulsed_should_yield_slow();
}

#endif

#ifdef __cplusplus
}
#endif

#endif
