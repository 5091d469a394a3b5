// The latest events, newest first.
import {fillChildren, found, made, setAttribute, setText} from './element';
import {EventLines, MOST_LINES, type EventLine} from './event_lines';
import {eventText} from './event_text';
import type {Filter} from './filter';
import type {History} from './history';
import type {DaemonEvent} from './moment';
import {clock, count} from './quantity';

export class EventList {
  private readonly lines = new EventLines();

  show(history: History, filter: Filter): void {
    const all = [...this.lines.show(history, filter)];
    if (history.anewAt !== undefined && all.length < MOST_LINES) all.push(anew(history, history.anewAt));
    fillChildren(found('#events'), all, () => made('li', {}, made('time'), made('span'), made('b')), (item, {event, times, several}) => {
      setAttribute(item, 'data-kind', event.kind);
      setAttribute(item, 'data-tier', event.kind === 'tier' ? event.to : undefined);
      setText(item.children[0]!, clock(event.t));
      setText(item.children[1]!, eventText(event, several));
      setText(item.children[2]!, times > 1 ? `× ${times}` : '');
    });
    const leftOut = history.moments.reduce((sum, moment) => sum + moment.eventsLeftOut, 0);
    const none = all.length === 0 && history.moments[0] ? `none since ${clock(history.moments[0].t)}` : '';
    setText(found('#events-note'), [none, leftOut > 0 ? `${count(leftOut, 'event')} left out` : ''].filter(Boolean).join('; '));
  }
}

function anew(history: History, t: number): EventLine {
  const what = history.anewBecause === 'restart' ? 'the daemon restarted; what was shown before is discarded' : 'the clock was set back';
  return {event: {t, kind: what} as DaemonEvent, times: 1, several: false};
}
