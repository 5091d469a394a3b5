// Counts of moments as rates: what the table of classes and the charts show.
import {showsClass, type Filter} from './filter';
import type {KeptMoment} from './history';
import {classKey, type TaskClass} from './moment';

/** The table's rates are of so long. */
export const RECENT_SECONDS = 5;

export interface ClassRow {
  latest: TaskClass;
  /** The policy revision that was in force then: with another, its enforcement may be another, too. */
  revision: number;
  enforcementKnown: boolean;
  /** Part of one core. */
  cpu: number;
  polls: number;
  violations: number;
  done: number;
  wouldBe: number;
  wouldCpu: number;
  /** The highest of any half second; undefined: no poll ended. */
  p99?: number;
}

export const doneTo = (c: TaskClass): number => c.yields + c.isolations + c.demotions;
export const wouldBeDoneTo = (c: TaskClass): number => c.wouldYield + c.wouldIsolate + c.wouldDemote;

const NOTHING = {revision: 0, enforcementKnown: true, cpu: 0, polls: 0, violations: 0, done: 0, wouldBe: 0, wouldCpu: 0};

/** Every class that the moments speak of; its rates are of the last few seconds. */
export function classRows(moments: readonly KeptMoment[], filter: Filter): ClassRow[] {
  const last = moments[moments.length - 1];
  if (!last) return [];
  const rows = new Map<string, ClassRow>();
  let seconds = 0;
  for (const moment of moments) {
    const recent = moment.t > last.t - RECENT_SECONDS;
    if (recent) seconds += moment.elapsed;
    for (const each of moment.classes) {
      if (!showsClass(filter, each.service, each.name)) continue;
      const key = classKey(each);
      let row = rows.get(key);
      if (!row) rows.set(key, (row = {...NOTHING, latest: each}));
      row.latest = each;
      row.revision = moment.daemon.revision;
      if (recent) sum(row, each);
    }
  }
  for (const row of rows.values()) finish(row, seconds, last);
  return [...rows.values()];
}

function sum(row: ClassRow, each: TaskClass): void {
  row.cpu += each.cpu;
  row.polls += each.polls;
  row.violations += each.violations;
  row.done += doneTo(each);
  row.wouldBe += wouldBeDoneTo(each);
  row.wouldCpu += each.wouldCpu;
  if (each.p99 !== undefined) row.p99 = Math.max(row.p99 ?? 0, each.p99);
}

function finish(row: ClassRow, seconds: number, last: KeptMoment): void {
  for (const field of ['cpu', 'polls', 'violations', 'done', 'wouldBe', 'wouldCpu'] as const) row[field] /= seconds;
  const listed = last.classes.includes(row.latest);
  row.enforcementKnown = listed || row.revision === last.daemon.revision;
  // A class that is not listed has not moved and stands at Monitor, unless there was no room for it.
  if (last.classesLeftOut === 0 && !listed) row.latest = {...row.latest, tier: 'monitor', above: 0};
}

/** Keys of those that used the most CPU time, the most first. */
export function topClasses(moments: readonly KeptMoment[], filter: Filter, most: number): string[] {
  const cpu = new Map<string, number>();
  for (const moment of moments) {
    for (const each of moment.classes) {
      if (!showsClass(filter, each.service, each.name)) continue;
      const key = classKey(each);
      cpu.set(key, (cpu.get(key) ?? 0) + each.cpu);
    }
  }
  return [...cpu].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, most).map(([key]) => key);
}

/** One value a moment. null: a gap that stays one; undefined: nothing to show, to be drawn across. */
export type Points = (number | null | undefined)[];

/** A field of some classes, a line each. */
export function classLines(moments: readonly KeptMoment[], keys: readonly string[],
                           value: (c: TaskClass, elapsed: number) => number | undefined, absent: number | undefined): Points[] {
  const lines = keys.map((): Points => []);
  const places = new Map(keys.map((key, place) => [key, place]));
  moments.forEach((moment, at) => {
    for (const line of lines) line[at] = moment.afterGap ? null : absent;
    for (const each of moment.classes) {
      const place = places.get(classKey(each));
      if (place !== undefined && !moment.afterGap) lines[place]![at] = value(each, moment.elapsed);
    }
  });
  return lines;
}

/** The sum over classes of a count, per second. */
export function sumLine(moments: readonly KeptMoment[], filter: Filter, counted: (c: TaskClass) => number): Points {
  return moments.map((moment) => {
    if (moment.afterGap) return null;
    let sum = 0;
    for (const each of moment.classes) if (showsClass(filter, each.service, each.name)) sum += counted(each);
    return sum / moment.elapsed;
  });
}
