// The latest events as lines: those that say the same of the same are one, held polls also where others of them lie between.
import {showsClass, showsService, type Filter} from './filter';
import {EachOnce} from './fold';
import type {History, KeptMoment} from './history';
import {workerKey, type DaemonEvent} from './moment';

export const MOST_LINES = 100;
/** Changes of tiers and held polls may take so many of them from all else, however many there are. */
const MOST_OF_TASKS = 60;

export interface EventLine {
  /** The newest of them. */
  event: DaemonEvent;
  /** How many there are. */
  times: number;
  /** They are not all of one worker. */
  several: boolean;
}

interface Line extends EventLine {
  same: string;
  /** How many of them came with a moment, the oldest first. */
  came: {t: number; times: number}[];
}

export class EventLines {
  private lines: Line[] = [];
  private readonly once = new EachOnce(() => (this.lines = []), (moment, filter) => this.take(moment, filter));

  /** Newest first. */
  show(history: History, filter: Filter): readonly EventLine[] {
    this.once.follow(history.moments, filter);
    for (const line of this.lines) forget(line, history.moments[0]?.t ?? 0);
    this.lines = this.lines.filter(({times}) => times > 0);
    return [...this.lines].reverse();
  }

  private take(moment: KeptMoment, filter: Filter): void {
    for (const event of moment.events) if (shows(filter, event)) this.add(event, moment.t);
    this.lines = bounded(this.lines);
  }

  private add(event: DaemonEvent, t: number): void {
    const same = sameness(event);
    const at = same === '' ? -1 : this.alike(event, same);
    const [line] = at < 0 ? [{event, times: 0, several: false, same, came: []}] : this.lines.splice(at, 1);
    line!.several ||= workerKey(line!.event) !== workerKey(event);
    line!.event = event;
    line!.times++;
    const last = line!.came[line!.came.length - 1];
    if (last?.t === t) last.times++;
    else line!.came.push({t, times: 1});
    this.lines.push(line!);
  }

  private alike(event: DaemonEvent, same: string): number {
    for (let at = this.lines.length - 1; at >= 0; at--) {
      if (this.lines[at]!.same === same) return at;
      if (event.kind !== 'held' || this.lines[at]!.event.kind !== 'held') return -1;
    }
    return -1;
  }
}

function bounded(lines: Line[]): Line[] {
  const ofTasks = lines.filter(({same}) => same !== '').length;
  let drop = Math.min(lines.length - MOST_LINES, ofTasks - MOST_OF_TASKS);
  return lines.filter(({same}) => same === '' || drop-- <= 0).slice(-MOST_LINES);
}

function forget(line: Line, before: number): void {
  while (line.came.length > 0 && line.came[0]!.t < before) line.times -= line.came.shift()!.times;
}

/** Empty: it is of no task, and like no other. */
function sameness({kind, service, class: name, from, to, whole, enforcement}: DaemonEvent): string {
  return kind === 'tier' || kind === 'held' ? JSON.stringify([kind, service, name, from, to, whole, enforcement]) : '';
}

function shows(filter: Filter, event: DaemonEvent): boolean {
  if (event.kind === 'policy') return true;
  return event.kind === 'tier' || event.kind === 'held' ? showsClass(filter, event.service, event.class) : showsService(filter, event.service);
}
