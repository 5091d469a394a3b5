// The head of the page: how the connection, the daemon and its services stand.
import {RECENT_SECONDS} from './classes';
import type {Connection, ConnectionState} from './connection';
import {fillChildren, found, made, setAttribute, setText} from './element';
import {showsService, type Filter} from './filter';
import type {History, KeptMoment} from './history';
import {exceptionsText, inForceText} from './enforcement_text';
import {inForce, type Daemon, type Enforcement, type Service} from './moment';
import {count, duration, longDuration} from './quantity';

const UNHEALTHY_TICK_SECONDS = 2;

export const CONNECTION_TEXTS: Record<ConnectionState, string> = {
  connecting: 'connecting',
  live: 'live',
  silent: 'connected, but nothing comes',
  refused: 'no stream: the daemon is gone or has too many watchers; trying again',
  gone: 'daemon gone, trying again',
};

/** Returns the state that is shown. */
export function showConnection(connection: Connection): ConnectionState {
  const state = connection.state;
  const age = connection.ageMs;
  setAttribute(found('#connection'), 'data-state', state);
  setAttribute(document.body, 'data-connection', state);
  setText(found('#connection-text'), CONNECTION_TEXTS[state]);
  setText(found('#age'), age === undefined ? '' : age < 2_000 && state === 'live' ? '' : `last heard ${longDuration(age / 1000)} ago`);
  return state;
}

/** `exceptions`: for how many classes something else holds, as far as the page knows. */
export function showDaemon(history: History, exceptions: ReadonlyMap<Enforcement, number>): void {
  const last = history.last;
  if (!last) return;
  const daemon = last.daemon;
  const word = inForce(daemon);
  const but = exceptionsText(exceptions, last.classesLeftOut > 0);
  const place = found('#enforcement');
  setAttribute(place, 'data-enforcement', word);
  setText(found('.word', place), word);
  setText(found('.but', place), but);
  setAttribute(found('.but', place), 'data-acts', String(exceptions.has('enforce')));
  setText(found('.meaning', place), inForceText(daemon, but !== ''));
  document.title = `pulsed: ${word}${but ? ` ${but}` : ''}`;
  const ticks = Math.max(...history.since(last.t - RECENT_SECONDS).map((moment) => moment.daemon.tickP99));
  const facts: [string, string][] = [
    ['version', daemon.version], ['policy revision', String(daemon.revision)], ['profile', daemon.profile],
    ['up for', longDuration(last.t - daemon.startedAt)], ['tick p99', duration(ticks)],
  ];
  fillChildren(found('#facts'), ticks > 0 ? facts : facts.slice(0, -1), () => made('div', {}, made('dt'), made('dd')), (fact, [name, value]) => {
    setText(fact.firstElementChild!, name);
    setText(fact.lastElementChild!, value);
  });
  showWarnings(warnings(daemon, history.moments));
}

function warnings(daemon: Daemon, moments: readonly KeptMoment[]): string[] {
  const told: string[] = [];
  if (daemon.sinceTick > UNHEALTHY_TICK_SECONDS) told.push(`The control loop has not ticked for ${longDuration(daemon.sinceTick)}.`);
  if (!daemon.ready) told.push('Services cannot attach.');
  if (!daemon.canDemote) told.push('Threads of hogs cannot be demoted: CAP_SYS_NICE is missing, or the guardian has ended.');
  if (!daemon.highPriority) told.push('The control loop has no high priority and may be late beside full CPUs: CAP_SYS_NICE is missing, or loop.priority is normal.');
  const dropped = moments.reduce((sum, moment) => sum + moment.daemon.dropped, 0);
  if (dropped > 0) told.push(`${count(dropped, 'sample')} dropped by full rings within the last minutes.`);
  return told;
}

function showWarnings(told: string[]): void {
  const place = found('#warnings');
  place.hidden = told.length === 0;
  fillChildren(place, told, () => made('li'), setText);
}

export function showServices(services: readonly Service[], filter: Filter): void {
  const shown = services.filter((service) => showsService(filter, service.name));
  fillChildren(found('#services'), shown, () => made('li', {}, made('b'), made('span')), (item, service) => {
    setText(item.firstElementChild!, service.name);
    setText(item.lastElementChild!, serviceText(service));
    setAttribute(item, 'data-quarantined', String(service.quarantined));
  });
}

function serviceText(service: Service): string {
  const spare = service.spareAwake + service.spareParked;
  const ofThese = spare === 0 ? '' : ` (${count(spare, 'spare worker')} of them, ${service.spareAwake} awake)`;
  const parts = [count(service.workers, 'worker') + ofThese];
  if (service.processes > 1) parts.unshift(count(service.processes, 'process', 'processes'));
  if (service.inFlight > 0) parts.push(`${count(service.inFlight, 'poll')} over budget`);
  if (service.demoted > 0) parts.push(`${count(service.demoted, 'thread')} demoted`);
  if (service.quarantined) parts.push('quarantined');
  return parts.join(', ');
}
