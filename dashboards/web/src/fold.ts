// So that what is shown twice a second costs what came since, and not what is kept: each moment is looked at once, as long as
// the filter stays.
import {sameFilter, type Filter} from './filter';
import type {KeptMoment} from './history';

/** What is worked out of each moment by itself. */
export class OfMoment<T> {
  private known = new WeakMap<KeptMoment, T>();
  private filter?: Filter;

  constructor(private readonly work: (moment: KeptMoment, filter: Filter) => T) {}

  get(moment: KeptMoment, filter: Filter): T {
    if (!this.filter || !sameFilter(this.filter, filter)) {
      this.filter = {...filter};
      this.known = new WeakMap();
    }
    let found = this.known.get(moment);
    if (found === undefined) this.known.set(moment, (found = this.work(moment, filter)));
    return found;
  }
}

/** Hands on each moment once, in order; all of them again after another filter or another history. */
export class EachOnce {
  private last?: KeptMoment;
  private filter?: Filter;

  constructor(private readonly begin: () => void, private readonly take: (moment: KeptMoment, filter: Filter) => void) {}

  follow(moments: readonly KeptMoment[], filter: Filter): void {
    let next = this.filter && sameFilter(this.filter, filter) && this.last ? moments.lastIndexOf(this.last) + 1 : 0;
    if (next === 0) this.begin();
    this.filter = {...filter};
    for (; next < moments.length; next++) this.take(moments[next]!, filter);
    this.last = moments[moments.length - 1];
  }
}
