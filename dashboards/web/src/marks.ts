// What stands across the timeline and the charts: policy revisions, changes of tiers, and where the page's knowledge begins
// anew.
import {showsClass, type Filter} from './filter';
import type {History, KeptMoment} from './history';
import {TIERS, type Tier} from './moment';

export interface Mark {
  t: number;
  kind: 'revision' | 'tier' | 'anew' | 'gap';
  label: string;
  tier?: Tier;
}

/** In order of time. */
export function marks(history: History, filter: Filter): Mark[] {
  const found: Mark[] = [];
  if (history.anewAt !== undefined) {
    found.push({t: history.anewAt, kind: 'anew', label: history.anewBecause === 'restart' ? 'daemon restarted' : 'clock set back'});
  }
  for (const moment of history.moments) {
    if (moment.afterGap) found.push({t: moment.t, kind: 'gap', label: 'moments missed'});
    tierMarks(moment, filter, found);
  }
  return found.sort((a, b) => a.t - b.t);
}

function tierMarks(moment: KeptMoment, filter: Filter, found: Mark[]): void {
  for (const event of moment.events) {
    if (event.kind === 'policy') {
      found.push({t: event.t, kind: 'revision', label: `r${event.revision} ${event.enforcement ?? ''}`.trim()});
    } else if (event.kind === 'tier' && event.to && showsClass(filter, event.service, event.class)) {
      found.push({t: event.t, kind: 'tier', label: event.class, tier: event.to});
    }
  }
}

/** Tier marks that would lie over each other become one: the highest tier wins. */
export function apart(of: readonly Mark[], seconds: number): (Mark & {times: number})[] {
  const kept: (Mark & {times: number})[] = [];
  for (const mark of of) {
    const last = kept[kept.length - 1];
    if (last && mark.kind === 'tier' && last.kind === 'tier' && mark.t - last.t < seconds) {
      last.times++;
      if (TIERS.indexOf(mark.tier!) > TIERS.indexOf(last.tier!)) last.tier = mark.tier;
    } else {
      kept.push({...mark, times: 1});
    }
  }
  return kept;
}
