/* The words both sides share: tiers, directives and priorities.
 *
 * Plain C so that the inline shim, the ABI and the daemon's policy read the same list. Values are part of ABI v1. */
#ifndef PULSED_DIRECTIVE_H
#define PULSED_DIRECTIVE_H

/* How far pulsed has gone with a task or a class. */
enum pulsed_tier {
  PULSED_TIER_MONITOR = 0, /* watched, nothing asked */
  PULSED_TIER_WARN = 1,    /* logged; polls are measured with the thread clock */
  PULSED_TIER_YIELD = 2,   /* asked to yield whenever a poll passes its budget */
  PULSED_TIER_ISOLATE = 3, /* polled on the isolation pool */
  PULSED_TIER_COUNT = 4
};

/* What the daemon asks of the shim for a task or a class: a set of bits. */
enum pulsed_directive {
  PULSED_DIRECTIVE_NONE = 0,
  PULSED_DIRECTIVE_MEASURE = 1, /* read the thread clock at both ends of a poll */
  PULSED_DIRECTIVE_YIELD =
      2, /* polls over budget will be told to yield (by the worker word, poll by poll) */
  PULSED_DIRECTIVE_ISOLATE = 4, /* the next poll belongs on the isolation pool */
  PULSED_DIRECTIVE_MASK = 7
};

/* How much a class may ask for: scales budgets and thresholds by 4 / 2 / 1 / 0.5. */
enum pulsed_priority {
  PULSED_PRIORITY_CRITICAL = 0,
  PULSED_PRIORITY_HIGH = 1,
  PULSED_PRIORITY_NORMAL = 2,
  PULSED_PRIORITY_LOW = 3,
  PULSED_PRIORITY_COUNT = 4
};

#endif
