// Events of the daemon in words, and equal ones after each other as one.
import {className, TIERS, type DaemonEvent, type Enforcement, type Tier} from './moment';
import {duration} from './quantity';

export const TIER_NAMES: Record<Tier, string> = {monitor: 'Monitor', warn: 'Warn', yield: 'Yield', isolate: 'Isolate'};
export const TIER_LETTERS: Record<Tier, string> = {monitor: 'M', warn: 'W', yield: 'Y', isolate: 'I'};

export function eventText(event: DaemonEvent): string {
  const name = className(event.class);
  switch (event.kind) {
    case 'tier': return tierText(event, name);
    case 'held': return heldText(event, name);
    case 'attached': return `${event.service}[${event.pid}] attached`;
    case 'detached': return `${event.service}[${event.pid}] detached`;
    case 'quarantined':
      return `${event.service}[${event.pid}] quarantined after ${event.rejected} rejected records: nothing of it is believed any more`;
    case 'policy': return `policy revision ${event.revision} in force: ${event.enforcement ?? 'observe'}`;
    case 'pin': return `${name} of ${event.service}: ${event.to ? `pinned to ${TIER_NAMES[event.to]}` : 'pinned no more'}`;
    default: return event.kind;
  }
}

function tierText(event: DaemonEvent, name: string): string {
  const who = event.whole ? 'new tasks' : 'a task';
  const up = TIERS.indexOf(event.to ?? 'monitor') > TIERS.indexOf(event.from);
  const why = event.reason ? `, ${event.reason.replaceAll('_', ' ')}` : '';
  const used = event.cpu > 0 ? `, its poll used ${duration(event.cpu)} of CPU` : '';
  return `${name} of ${event.service}: ${who} ${up ? 'up' : 'down'} from ${TIER_NAMES[event.from]} to ` +
    `${TIER_NAMES[event.to ?? 'monitor']}${why}${used}${unlessEnforced(event.enforcement)}`;
}

function heldText(event: DaemonEvent, name: string): string {
  const worker = event.worker || `worker ${event.line}`;
  const blame = event.blame === 'unknown' ? '' : `, ${event.blame}`;
  return `${name} holds ${worker} of ${event.service}[${event.pid}] for ${duration(event.age)}, ` +
    `${duration(event.cpu)} of CPU${blame}${unlessEnforced(event.enforcement)}`;
}

function unlessEnforced(enforcement: Enforcement | undefined): string {
  return enforcement === undefined || enforcement === 'enforce' ? '' : ` (${enforcement} only)`;
}

export interface Told {
  event: DaemonEvent;
  times: number;
}

/** The latest events, newest first; those that say the same of the same are one, held polls also where others lie between. */
export function told(events: Iterable<DaemonEvent>, most: number): Told[] {
  const kept: Told[] = [];
  for (const event of events) {
    const same = sameAs(kept, event);
    if (same) same.times++;
    else if (kept.length === most) break;
    else kept.push({event, times: 1});
  }
  return kept;
}

function sameAs(kept: Told[], event: DaemonEvent): Told | undefined {
  for (let at = kept.length - 1; at >= 0; at--) {
    const each = kept[at]!;
    if (alike(each.event, event)) return each;
    if (event.kind !== 'held' || each.event.kind !== 'held') return undefined;
  }
  return undefined;
}

function alike(a: DaemonEvent, b: DaemonEvent): boolean {
  return (a.kind === 'tier' || a.kind === 'held') && a.kind === b.kind && a.service === b.service && a.class === b.class &&
    a.from === b.from && a.to === b.to && a.whole === b.whole && a.enforcement === b.enforcement;
}
