// Counts of moments as rates: what the table of classes and the charts show.
import {showsClass, type Filter} from './filter';
import {OfMoment} from './fold';
import type {KeptMoment} from './history';
import type {Counts, TaskClass} from './moment';

export const NOTHING: Counts = {polls: 0, cpu: 0, violations: 0, yields: 0, isolations: 0, demotions: 0, wouldYield: 0, wouldIsolate: 0, wouldDemote: 0};
const COUNTS = Object.keys(NOTHING) as (keyof Counts)[];

export const doneTo = (c: Counts): number => c.yields + c.isolations + c.demotions;
export const wouldBeDoneTo = (c: Counts): number => c.wouldYield + c.wouldIsolate + c.wouldDemote;

export function addTo(sum: Counts, more: Counts): void {
  for (const count of COUNTS) sum[count] += more[count];
}

export function perSecond(sum: Counts, seconds: number): void {
  for (const count of COUNTS) sum[count] /= seconds;
}

/** The classes of a moment that the filter shows, by their keys, and what they are together. */
interface Shown {
  classes: ReadonlyMap<string, TaskClass>;
  together: Counts;
}

const shown = new OfMoment<Shown>((moment, filter) => {
  const classes = new Map<string, TaskClass>();
  const together = {...NOTHING};
  for (const each of moment.classes) {
    if (!showsClass(filter, each.service, each.name)) continue;
    classes.set(each.key, each);
    addTo(together, each);
  }
  return {classes, together};
});

export function shownClasses(moment: KeptMoment, filter: Filter): ReadonlyMap<string, TaskClass> {
  return shown.get(moment, filter).classes;
}

/** A class that is shown stays until another used so much more: two of like CPU do not take turns. */
const STAYS = 1.25;

/** CPU time of each class, by its key. */
export function cpuTimes(moments: readonly KeptMoment[], filter: Filter): Map<string, number> {
  const cpu = new Map<string, number>();
  for (const moment of moments) {
    for (const [key, each] of shownClasses(moment, filter)) cpu.set(key, (cpu.get(key) ?? 0) + each.cpu);
  }
  return cpu;
}

/** Keys of those that used the most, the most first, and of none that used nothing; `before`: those that are shown. */
export function topClasses(cpu: ReadonlyMap<string, number>, most: number, before: readonly string[] = []): string[] {
  const weight = (key: string): number => cpu.get(key)! * (before.includes(key) ? STAYS : 1);
  return [...cpu.keys()].filter((key) => cpu.get(key)! > 0).sort((a, b) => weight(b) - weight(a) || (a < b ? -1 : 1)).slice(0, most);
}

/** One value a moment. null: a gap that stays one; undefined: nothing to show, to be drawn across. */
export type Points = (number | null | undefined)[];

/** A field of a class. */
export function classLine(moments: readonly KeptMoment[], filter: Filter, key: string, value: (c: TaskClass, elapsed: number) => number | undefined,
                          absent: number | undefined): Points {
  return moments.map((moment) => {
    if (moment.afterGap) return null;
    const found = shownClasses(moment, filter).get(key);
    return found ? value(found, moment.elapsed) : absent;
  });
}

/** The sum over classes of a count, per second. */
export function sumLine(moments: readonly KeptMoment[], filter: Filter, counted: (together: Counts) => number): Points {
  return moments.map((moment) => (moment.afterGap ? null : counted(shown.get(moment, filter).together) / moment.elapsed));
}
