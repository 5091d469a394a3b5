// Events of the daemon in words.
import {className, TIERS, type DaemonEvent, type Enforcement, type Tier} from './moment';
import {duration} from './quantity';

export const TIER_NAMES: Record<Tier, string> = {monitor: 'Monitor', warn: 'Warn', yield: 'Yield', isolate: 'Isolate'};
export const TIER_LETTERS: Record<Tier, string> = {monitor: 'M', warn: 'W', yield: 'Y', isolate: 'I'};

/** `several`: it is the last of some that differ in their workers. */
export function eventText(event: DaemonEvent, several = false): string {
  const name = className(event.class);
  switch (event.kind) {
    case 'tier': return tierText(event, name);
    case 'held': return heldText(event, name, several);
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

function heldText(event: DaemonEvent, name: string, several: boolean): string {
  const worker = event.worker || `worker ${event.line}`;
  const held = several ? `workers of ${event.service}, the last` : `${worker} of ${event.service}[${event.pid}]`;
  const blame = event.blame === 'unknown' ? '' : `, ${event.blame}`;
  return `${name} holds ${held} for ${duration(event.age)}, ` +
    `${duration(event.cpu)} of CPU${blame}${unlessEnforced(event.enforcement)}`;
}

function unlessEnforced(enforcement: Enforcement | undefined): string {
  return enforcement === undefined || enforcement === 'enforce' ? '' : ` (${enforcement} only)`;
}
