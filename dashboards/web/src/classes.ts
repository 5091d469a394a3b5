// Every class that the kept moments speak of, as each was told of last, and its rates.
import {showsClass, type Filter} from './filter';
import {EachOnce} from './fold';
import type {History, KeptMoment} from './history';
import {inForce, type Counts, type Daemon, type Enforcement, type TaskClass} from './moment';
import {addTo, NOTHING, perSecond, shownClasses} from './rates';

/** Rates are of so long. */
export const RECENT_SECONDS = 5;
const ALL: Filter = {service: '', class: ''};

/** Its counts are per second. */
export interface ClassRow extends Counts {
  latest: TaskClass;
  /** Not where it was told of under another policy, and does nothing under this one. */
  enforcementKnown: boolean;
  /** The highest of any half second; undefined: no poll ended, or none waited. */
  p99?: number;
  waitP99?: number;
}

interface Known {
  latest: TaskClass;
  moment: KeptMoment;
}

export class Classes {
  /** Those that were told of last come last. */
  private known = new Map<string, Known>();
  private readonly once = new EachOnce(() => this.known.clear(), (moment) => this.take(moment));

  follow(history: History): void {
    const {moments} = history;
    this.once.follow(moments, ALL);
    for (const [key, {moment}] of this.known) {
      if (moment.t >= moments[0]!.t) break;
      this.known.delete(key);
    }
  }

  private take(moment: KeptMoment): void {
    for (const latest of moment.classes) {
      this.known.delete(latest.key);
      this.known.set(latest.key, {latest, moment});
    }
  }

  /** How many classes rules except from what is in force for all others, as far as they were told of under this policy. */
  exceptions(last: KeptMoment): Map<Enforcement, number> {
    const found = new Map<Enforcement, number>();
    for (const {latest, moment} of this.known.values()) {
      if (!samePolicy(moment.daemon, last.daemon) || latest.enforcement === inForce(last.daemon)) continue;
      found.set(latest.enforcement, (found.get(latest.enforcement) ?? 0) + 1);
    }
    return found;
  }

  /** In no order; rates are of the last few seconds. */
  rows(moments: readonly KeptMoment[], filter: Filter): ClassRow[] {
    const last = moments[moments.length - 1];
    if (!last) return [];
    const rows = new Map<string, ClassRow>();
    for (const [key, known] of this.known) {
      if (showsClass(filter, known.latest.service, known.latest.name)) rows.set(key, begun(known, last));
    }
    let seconds = 0;
    for (let at = moments.length - 1; at >= 0 && moments[at]!.t > last.t - RECENT_SECONDS; at--) {
      seconds += moments[at]!.elapsed;
      for (const [key, each] of shownClasses(moments[at]!, filter)) sum(rows.get(key)!, each);
    }
    for (const row of rows.values()) perSecond(row, seconds);
    return [...rows.values()];
  }
}

function samePolicy(a: Daemon, b: Daemon): boolean {
  return a.revision === b.revision && a.limit === b.limit;
}

function begun({latest, moment}: Known, last: KeptMoment): ClassRow {
  // A class that is not listed has not moved and stands at Monitor, unless there was no room for it.
  const still = moment !== last && last.classesLeftOut === 0;
  return {...NOTHING, latest: still ? {...latest, tier: 'monitor', above: 0} : latest, enforcementKnown: samePolicy(moment.daemon, last.daemon)};
}

function sum(row: ClassRow, each: TaskClass): void {
  addTo(row, each);
  row.p99 = highest(row.p99, each.p99);
  row.waitP99 = highest(row.waitP99, each.waitP99);
}

function highest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}
