// What stands across the timeline and the charts: policy revisions, changes of tiers, and where the page's knowledge begins
// anew.
import {showsClass, type Filter} from './filter';
import {OfMoment} from './fold';
import type {History, KeptMoment} from './history';
import {className, inForce, TIERS, type Tier} from './moment';

export interface Mark {
  t: number;
  kind: 'revision' | 'tier' | 'anew' | 'gap';
  label: string;
  /** Of changes of tiers: the highest of them. */
  tier?: Tier;
  /** Of so many. */
  times: number;
}

/** Changes of tiers so close to each other lie over each other at every width. */
const CLOSE_SECONDS = 0.05;
/** A revision is in force, and an event says so: as many moments may lie between. */
const TOLD_WITHIN = 4;

/** In order of time. */
export function marks(history: History, filter: Filter): Mark[] {
  const found: Mark[] = [];
  const {moments} = history;
  if (history.anewAt !== undefined) found.push(mark(history.anewAt, 'anew', history.anewBecause === 'restart' ? 'daemon restarted' : 'clock set back'));
  moments.forEach((moment, at) => {
    if (moment.afterGap) found.push(mark(moment.t, 'gap', 'moments missed'));
    found.push(...told.get(moment, filter).marks);
    if (at > 0 && !isTold(moments, at, filter)) found.push(mark(moment.t, 'revision', `r${moment.daemon.revision} ${inForce(moment.daemon)}`));
  });
  return found.sort((a, b) => a.t - b.t);
}

function mark(t: number, kind: Mark['kind'], label: string): Mark {
  return {t, kind, label, times: 1};
}

/** Whether the revision is the one of the moment before, or an event tells of it: there may have been no room for one. */
function isTold(moments: readonly KeptMoment[], at: number, filter: Filter): boolean {
  const {revision} = moments[at]!.daemon;
  if (revision === moments[at - 1]!.daemon.revision) return true;
  return moments.slice(Math.max(0, at - TOLD_WITHIN), at + TOLD_WITHIN + 1).some((moment) => told.get(moment, filter).revisions.includes(revision));
}

interface Told {
  marks: Mark[];
  revisions: number[];
}

const told = new OfMoment<Told>((moment, filter) => {
  const revisions: number[] = [];
  const lines: Mark[] = [];
  const tiers: Mark[] = [];
  for (const event of moment.events) {
    if (event.kind === 'policy') {
      revisions.push(event.revision);
      lines.push(mark(event.t, 'revision', `r${event.revision} ${event.enforcement ?? ''}`.trim()));
    } else if (event.kind === 'tier' && event.to && showsClass(filter, event.service, event.class)) {
      tiers.push({...mark(event.t, 'tier', className(event.class)), tier: event.to});
    }
  }
  return {marks: [...lines, ...apart(tiers.sort((a, b) => a.t - b.t), CLOSE_SECONDS)], revisions};
});

/** Of changes of tiers, in order of time: those that would lie over each other become one, and the highest tier wins. */
export function apart(of: readonly Mark[], seconds: number): Mark[] {
  const kept: Mark[] = [];
  for (const each of of) {
    const last = kept[kept.length - 1];
    if (!last || each.t - last.t >= seconds) {
      kept.push({...each});
      continue;
    }
    last.times += each.times;
    if (TIERS.indexOf(each.tier!) <= TIERS.indexOf(last.tier!)) continue;
    last.tier = each.tier;
    last.label = each.label;
  }
  return kept;
}
