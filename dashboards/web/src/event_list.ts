// The latest events, newest first.
import {fillChildren, found, made, setAttribute, setText} from './element';
import {eventText, told, type Told} from './event_text';
import {showsClass, showsService, type Filter} from './filter';
import type {History} from './history';
import type {DaemonEvent} from './moment';
import {clock, count} from './quantity';

const MOST = 100;

export function showEvents(history: History, filter: Filter): void {
  const all = told(latest(history, filter), MOST);
  if (history.anewAt !== undefined && all.length < MOST) all.push(anew(history, history.anewAt));
  fillChildren(found('#events'), all, () => made('li', {}, made('time'), made('span'), made('b')), (item, {event, times}) => {
    setAttribute(item, 'data-kind', event.kind);
    setAttribute(item, 'data-tier', event.kind === 'tier' ? event.to : undefined);
    setText(item.children[0]!, clock(event.t));
    setText(item.children[1]!, eventText(event));
    setText(item.children[2]!, times > 1 ? `× ${times}` : '');
  });
  const leftOut = history.moments.reduce((sum, moment) => sum + moment.eventsLeftOut, 0);
  setText(found('#events-note'), all.length === 0 ? 'none within the last 5 minutes' : leftOut > 0 ? `${count(leftOut, 'event')} left out` : '');
}

function* latest(history: History, filter: Filter): Generator<DaemonEvent> {
  for (let at = history.moments.length - 1; at >= 0; at--) {
    const events = history.moments[at]!.events;
    for (let each = events.length - 1; each >= 0; each--) if (shows(filter, events[each]!)) yield events[each]!;
  }
}

function shows(filter: Filter, event: DaemonEvent): boolean {
  if (event.kind === 'policy') return true;
  return event.kind === 'tier' || event.kind === 'held' ? showsClass(filter, event.service, event.class) : showsService(filter, event.service);
}

function anew(history: History, t: number): Told {
  const what = history.anewBecause === 'restart' ? 'the daemon restarted; what was shown before is discarded' : 'the clock was set back';
  const event = {t, kind: what} as DaemonEvent;
  return {event, times: 1};
}
