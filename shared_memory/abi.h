/* ABI v1: every byte that a service and pulsed share.
 *
 * Two memfds a service, split by who writes, both created, sized and sealed by the daemon:
 *
 *   S (service-written, mapped read-only by the daemon)      D (daemon-written, mapped read-only by the service)
 *   ┌──────────────────────────────────────────────┐        ┌──────────────────────────────────────────────┐
 *   │ header     1 page, written before hand-over  │        │ header     1 page, written before hand-over  │
 *   │ SERVICE    counts: workers, classes          │        │ DAEMON     heartbeat, lease, enforcement     │
 *   │ LINES      worker lines        64 B x workers│        │ READS      ring read positions  8 B x workers│
 *   │ RINGS      samples    16 B x ring x workers  │        │ WORKERS    worker words        64 B x workers│
 *   │ USAGE      task usage words     8 B x tasks  │        │ TASKS      task words           4 B x tasks  │
 *   │ IDENTITY   task identity words  4 B x tasks  │        │ CLASSES    class words          4 B x classes│
 *   │ TOTALS     64 B x workers x classes          │        └──────────────────────────────────────────────┘
 *   │ CLASSES    class names         64 B x classes│
 *   └──────────────────────────────────────────────┘
 *
 * A live task costs 8 + 4 bytes in S and 4 in D: 16 in all, and no word is wider than 8 bytes.
 * Each region begins on a page and is found through the header's region table; each side copies the table once, checks
 * it, and never reads the shared one again. Zeroed memory means "free" everywhere; the header's magic is written last.
 * A newer minor may only add regions, use reserved fields, or add record kinds (an unknown kind is skipped and counted).
 *
 * Words are accessed with __atomic builtins. Every one has a single writer, named at its field.
 * The daemon believes nothing it reads from S: load once, check against its own limits, then use.
 */
#ifndef PULSED_ABI_H
#define PULSED_ABI_H

#include <stdint.h>

#include "directive.h"

#define PULSED_ABI_MAJOR 1u
#define PULSED_ABI_MINOR 2u /* 1.1: spare workers, demotion; 1.2: weights */

#define PULSED_MAGIC_S 0x31534445534c5550ull /* "PULSEDS1", little-endian */
#define PULSED_MAGIC_D 0x31444445534c5550ull /* "PULSEDD1" */

#define PULSED_PAGE 4096u
#define PULSED_CACHE_LINE 64u

/* Limits of the format; a daemon may allow less. */
#define PULSED_MAX_WORKERS 4096u
#define PULSED_MAX_RING (1u << 20)  /* samples a ring, a power of two */
#define PULSED_MAX_TASKS (1u << 24) /* slots, the reserved slot 0 included */
#define PULSED_MAX_CLASSES 4096u    /* the unnamed class 0 included */

#define PULSED_DEFAULT_WORKERS 64u
#define PULSED_DEFAULT_RING 16384u
#define PULSED_DEFAULT_TASKS 65536u
#define PULSED_DEFAULT_CLASSES 1024u

/* --- the task reference ------------------------------------------------------------------------------------------
 *
 *    63      56 55  52 51        40 39            24 23                    0
 *   ┌──────────┬──────┬────────────┬────────────────┬───────────────────────┐
 *   │ flags  8 │kind 4│  class 12  │ generation  16 │        slot 24        │
 *   └──────────┴──────┴────────────┴────────────────┴───────────────────────┘
 *
 * One packing for a task handle (kind and flags zero), a worker line's in-flight poll and a sample. Slot 0 is never
 * dealt: it stands for "no slot" (table full, or a handler without a task), with generation 0. Other generations are
 * never 0.
 */
#define PULSED_REF_SLOT_BITS 24
#define PULSED_REF_SLOT_MASK 0xffffffull
#define PULSED_REF_GENERATION_SHIFT 24
#define PULSED_REF_GENERATION_MASK 0xffffull
#define PULSED_REF_CLASS_SHIFT 40
#define PULSED_REF_CLASS_MASK 0xfffull
#define PULSED_REF_KIND_SHIFT 52
#define PULSED_REF_KIND_MASK 0xfull
#define PULSED_REF_FLAGS_SHIFT 56

enum pulsed_record_kind {
  PULSED_KIND_FREE = 0,       /* no record */
  PULSED_KIND_POLL = 1,       /* an ended poll; in a worker line: the poll in flight */
  PULSED_KIND_QUEUE_WAIT = 2, /* from could-run to poll begin */
  PULSED_KIND_OPEN = 3,       /* the task's slot was dealt */
  PULSED_KIND_CLOSE = 4,      /* the task's slot was returned */
  PULSED_KIND_COUNT = 5
};

#define PULSED_FLAG_CPU_EXACT (1ull << 56) /* never descheduled: CPU time is the wall time */
#define PULSED_FLAG_CPU_MEASURED \
  (1ull << 57)                           /* `cpu` of the span holds the thread clock's CPU time */
#define PULSED_FLAG_YIELDED (1ull << 58) /* outcome: the poll ended because it obeyed a yield */

/* --- the sample --------------------------------------------------------------------------------------------------
 *
 *   ref : task reference with kind and flags
 *   span:  63                    40 39                                      0
 *         ┌────────────────────────┬─────────────────────────────────────────┐
 *         │ cpu 24, in 256 ticks   │   wall 40, in ticks, saturating         │
 *         └────────────────────────┴─────────────────────────────────────────┘
 *         cpu saturates (about 1.6 s at 2.6 GHz) and means something only with PULSED_FLAG_CPU_MEASURED.
 */
#define PULSED_SPAN_WALL_BITS 40
#define PULSED_SPAN_WALL_MAX ((1ull << PULSED_SPAN_WALL_BITS) - 1)
#define PULSED_SPAN_CPU_SHIFT 40
#define PULSED_SPAN_CPU_UNIT 256u
#define PULSED_SPAN_CPU_MAX ((1ull << 24) - 1)

struct pulsed_sample {
  uint64_t ref;
  uint64_t span;
};

/* --- the header of either segment ------------------------------------------------------------------------------- */

enum pulsed_region_id {
  PULSED_S_SERVICE = 0,
  PULSED_S_LINES = 1,
  PULSED_S_RINGS = 2,
  PULSED_S_USAGE = 3,
  PULSED_S_IDENTITY = 4,
  PULSED_S_TOTALS = 5,
  PULSED_S_CLASSES = 6,
  PULSED_S_REGION_COUNT = 7,

  PULSED_D_DAEMON = 0,
  PULSED_D_READS = 1,
  PULSED_D_WORKERS = 2,
  PULSED_D_TASKS = 3,
  PULSED_D_CLASSES = 4,
  PULSED_D_REGION_COUNT = 5,

  PULSED_REGION_SLOTS = 16 /* entries in the table, spare ones zero */
};

struct pulsed_region {
  uint64_t offset; /* bytes from the start of the segment, page aligned */
  uint64_t count;  /* records */
  uint32_t record_size;
  uint32_t reserved;
};

enum pulsed_clock_kind {
  PULSED_CLOCK_NONE = 0,
  PULSED_CLOCK_TSC = 1,       /* invariant x86 time stamp counter */
  PULSED_CLOCK_MONOTONIC = 2, /* CLOCK_MONOTONIC in nanoseconds */
};

struct pulsed_segment_header {
  uint64_t magic; /* written last, release */
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t region_count;
  uint64_t features; /* none defined in v1.0 */
  uint32_t clock_kind;
  uint32_t ring_samples; /* samples a ring */
  uint64_t ticks_per_second;
  uint64_t segment_bytes;
  uint64_t attachment; /* unique over one run of the daemon */
  uint64_t reserved[1];
  struct pulsed_region regions[PULSED_REGION_SLOTS];
};

/* --- S: written by the service ----------------------------------------------------------------------------------- */

/* One a service; written under the shim's lock. */
struct pulsed_service_line {
  uint32_t
      workers_high; /* lines [0, workers_high) may be in use; release, after the line is ready */
  uint32_t
      classes_high; /* classes [0, classes_high) are named; release, after the name is written */
  uint32_t reserved0[2];
  uint64_t table_full; /* tasks that got no slot */
  uint64_t reserved[5];
};

#define PULSED_WORKER_FREE 0u      /* and never of the isolation pool */
#define PULSED_WORKER_ATTACHED 1u  /* bit 0 */
#define PULSED_WORKER_ISOLATION 2u /* bit 1: a thread of the isolation pool */
#define PULSED_WORKER_SPARE 4u /* bit 2: a spare worker, parked unless its worker word says run */

/* One a worker; written by that worker's thread alone, `state`, `tid` and `name` under the shim's lock while it is not
 * polling. The daemon reads start, task, start: a pair is whole if both starts agree. */
struct pulsed_worker_line {
  uint64_t
      start; /* ticks at poll begin; names the poll among this worker's. release: pairs with the daemon's first load */
  uint64_t
      task; /* reference of the poll in flight, kind POLL; 0 between polls. release: publishes `start` */
  uint64_t write;   /* samples ever written to the ring. release: publishes the sample */
  uint64_t dropped; /* samples dropped because the ring was full */
  uint32_t
      tid; /* kernel thread id in the service's own pid namespace: a claim, never believed unchecked */
  /* PULSED_WORKER_* bits. release: publishes tid and name. A line never changes between the isolation pool, spare workers
   * and the others: when its worker leaves, ATTACHED is cleared and the rest stays, so that it is known whose its totals
   * are. */
  uint32_t state;
  char name[16]; /* not necessarily terminated */
  /* Which run loop of the service it serves; spare workers of the same number can take its place. 0: none can. Written by
   * the worker itself, between polls. */
  uint32_t run_loop;
  uint32_t reserved;
};

/* One a (worker, class); exact, because that worker is the only writer. All are totals since attach. */
struct pulsed_class_totals {
  uint64_t polls;
  uint64_t wall_ticks;
  uint64_t cpu_ticks; /* of polls whose CPU time is known: exact or measured */
  uint64_t cpu_polls; /* how many those were */
  uint64_t yields;    /* polls that ended by obeying a yield */
  uint64_t queue_waits;
  uint64_t queue_wait_ticks;
  uint64_t reserved;
};

/* Task usage word: polls in the low 24 bits, wall ticks in the high 40, both wrapping; one add updates both, so each wrap
 * of the low part adds one tick. Written by the worker polling the task. */
#define PULSED_USAGE_TICKS_SHIFT 24

/* Task identity word: generation 16 | class 12 | state 4. */
#define PULSED_IDENTITY_GENERATION_SHIFT 16
#define PULSED_IDENTITY_CLASS_SHIFT 4
#define PULSED_IDENTITY_STATE_MASK 0xfu
#define PULSED_IDENTITY_FREE 0u
#define PULSED_IDENTITY_LIVE 1u

#define PULSED_CLASS_NAME_MAX 55u

/* Written once at registration, before classes_high covers it. */
struct pulsed_class_record {
  uint32_t priority; /* enum pulsed_priority */
  uint32_t name_length;
  char name[PULSED_CLASS_NAME_MAX + 1]; /* UTF-8, no control characters */
};

/* --- D: written by the daemon ------------------------------------------------------------------------------------ */

struct pulsed_daemon_line {
  uint64_t heartbeat;   /* ticks of the latest tick of the control loop */
  uint64_t lease_ticks; /* directives are obeyed only while now - heartbeat is at most this */
  uint64_t revision;    /* of the policy in force */
  uint64_t abilities;   /* PULSED_DAEMON_* bits */
  uint64_t reserved[4];
};

/* The daemon sets OS priorities under the policy in force: threads of the isolation pool leave theirs to it, as only the
 * daemon can raise them again. */
#define PULSED_DAEMON_DEMOTES 1u
/* The daemon wakes spare workers under the policy in force: without it there is no need to start any. */
#define PULSED_DAEMON_WAKES_SPARES 2u

#define PULSED_SPARE_PARK 0u
#define PULSED_SPARE_RUN 1u

/* Demotion: how no other poll ever runs at a priority that was lowered for one.
 *
 *   daemon                                          worker, at the end of a poll long enough to be demoted
 *   own_policy, own_nice, demoted_start = start     line.task = 0
 *   full fence                                      full fence
 *   line still says this poll?  no: withdraw        demoted_start == start?  no: go on
 *   lower the thread                                wait, while demoted_start == start
 *   line still says this poll?  no: restore
 *   ... the poll ends: restore the thread,
 *   demoted_start = 0, restored += 1, futex wake
 *
 * Of the two looks between the fences at least one sees the other side's write. The worker waits for PULSED_RESTORE_WAIT_MS
 * at most, and not once it finds itself at own_policy and own_nice again: a daemon that died is replaced by its guardian,
 * which cannot write here. */
#define PULSED_RESTORE_WAIT_MS 100u
/* No poll shorter than this is demoted, so none shorter looks. */
#define PULSED_SHORTEST_DEMOTED_US 100u

struct pulsed_worker_word {
  uint64_t yield_start; /* the poll (by its start) that is asked to yield; 0: none */
  uint64_t
      demoted_start; /* the poll whose thread is, or is about to be, at a lower OS priority; 0: none */
  uint32_t restored;   /* futex: counts how often demoted_start was cleared */
  uint32_t spare;      /* futex, of a spare worker: PULSED_SPARE_* */
  uint32_t own_policy; /* SCHED_*, of the thread that is demoted: what it goes back to */
  int32_t own_nice;
  uint64_t reserved[4];
};

/*    31            16 15         5 4    3 2         0
 *   ┌────────────────┬────────────┬──────┬───────────┐
 *   │ generation  16 │ weight  11 │tier 2│directive 3│
 *   └────────────────┴────────────┴──────┴───────────┘
 *
 * Task word and class word. A task word holds only for a task of the same generation; another task of that slot starts from
 * its class's word. A class word's generation counts its changes.
 *
 * The weight is the class's share of the isolation pool's time while that is contended, [1, 1000]; 0 is the ordinary weight,
 * so that a class word of before 1.2 has it, and more than 1000 is read as 1000. It is in class words alone, that of a
 * task's class as of now whether or not the task has a word of its own; in task words these bits stay 0.
 *
 * MEASURE alone is obeyed only in a task's own word: poll begin looks at no class word, to spare a load. So a fresh task, and
 * one without a slot, is not measured until it has a word of its own. */
#define PULSED_WORD_GENERATION_SHIFT 16
#define PULSED_WORD_TIER_SHIFT 3
#define PULSED_WORD_TIER_MASK 3u
#define PULSED_WORD_WEIGHT_SHIFT 5
#define PULSED_WORD_WEIGHT_MASK 0x7ffu

#define PULSED_WEIGHT_ORDINARY 100u /* what a weight of 0 stands for */
#define PULSED_WEIGHT_MAX 1000u

/* --- the attach socket: SEQPACKET, one message a packet ----------------------------------------------------------- */

#define PULSED_ATTACH_MAGIC 0x49484445534c5550ull /* "PULSEDHI" */
#define PULSED_SERVICE_NAME_MAX 63u

enum pulsed_message_type {
  PULSED_MESSAGE_HELLO = 1, /* service -> daemon, once, first */
  PULSED_MESSAGE_WELCOME =
      2, /* daemon -> service, with the file descriptors of S and D if status is OK */
  PULSED_MESSAGE_READ_CLOCKS = 3, /* daemon -> service: say the CPU clocks of these workers */
  PULSED_MESSAGE_CLOCKS = 4,      /* service -> daemon */
};

struct pulsed_hello {
  uint64_t magic;
  uint32_t type;
  uint16_t abi_major;
  uint16_t abi_minor;
  uint64_t features;
  uint32_t
      workers; /* lines, spare workers' included: a shim of 1.1 asks for as many again for them */
  uint32_t ring_samples;
  uint32_t tasks;
  uint32_t classes;
  uint32_t reserved[8];
  char service[PULSED_SERVICE_NAME_MAX + 1]; /* empty: the daemon uses the executable's name */
};

enum pulsed_attach_status {
  PULSED_ATTACH_OK = 0,
  PULSED_ATTACH_WRONG_ABI = 1,
  PULSED_ATTACH_BAD_HELLO = 2,
  PULSED_ATTACH_TOO_LARGE = 3, /* asks for more than this daemon allows */
  PULSED_ATTACH_TOO_MANY = 4,  /* services, for this uid or in all */
  PULSED_ATTACH_DENIED = 5,
  PULSED_ATTACH_ERROR = 6, /* the daemon could not make the segments */
};

struct pulsed_welcome {
  uint64_t magic;
  uint32_t type;
  uint32_t status;
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t reserved[5];
  char reason[96]; /* for people; terminated */
};

#define PULSED_CLOCKS_A_MESSAGE 16u
#define PULSED_CLOCK_UNREADABLE UINT64_MAX

struct pulsed_clocks {
  uint64_t magic;
  uint32_t type;
  uint32_t count; /* of `worker` and `cpu_ns` */
  uint64_t at_ns; /* the answer's CLOCK_MONOTONIC; 0 in a request */
  uint32_t worker[PULSED_CLOCKS_A_MESSAGE];
  uint64_t cpu_ns
      [PULSED_CLOCKS_A_MESSAGE]; /* CPU time of that thread since it began, or PULSED_CLOCK_UNREADABLE */
};

#endif
