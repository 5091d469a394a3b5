// The head of the page: how the connection, the daemon and its services stand.
import type {Connection, ConnectionState} from './connection';
import {fillChildren, found, made, setAttribute, setText} from './element';
import {showsService, type Filter} from './filter';
import type {History, KeptMoment} from './history';
import type {Daemon, Enforcement, Service} from './moment';
import {count, longDuration} from './quantity';

const LEVELS: readonly Enforcement[] = ['observe', 'shadow', 'enforce'];
const MEANINGS: Record<Enforcement, string> = {
  observe: 'it only counts',
  shadow: 'it decides, and changes nothing',
  enforce: 'it acts',
};
const UNHEALTHY_TICK_SECONDS = 2;

export const CONNECTION_TEXTS: Record<ConnectionState, string> = {
  connecting: 'connecting',
  live: 'live',
  silent: 'connected, but nothing comes',
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

export function showDaemon(history: History): void {
  const last = history.last;
  if (!last) return;
  const daemon = last.daemon;
  const inForce = LEVELS[Math.min(LEVELS.indexOf(daemon.enforcement), LEVELS.indexOf(daemon.limit))]!;
  const place = found('#enforcement');
  setAttribute(place, 'data-enforcement', inForce);
  setText(found('.word', place), inForce);
  const limited = inForce === daemon.enforcement ? '' : `: the policy says ${daemon.enforcement}, the limit is ${daemon.limit}`;
  setText(found('.meaning', place), MEANINGS[inForce] + limited);
  document.title = `pulsed: ${inForce}`;
  const facts: [string, string][] = [
    ['version', daemon.version], ['policy revision', String(daemon.revision)], ['profile', daemon.profile],
    ['up for', longDuration(last.t - daemon.startedAt)],
  ];
  fillChildren(found('#facts'), facts, () => made('div', {}, made('dt'), made('dd')), (fact, [name, value]) => {
    setText(fact.firstElementChild!, name);
    setText(fact.lastElementChild!, value);
  });
  showWarnings(warnings(daemon, history.moments));
}

function warnings(daemon: Daemon, moments: readonly KeptMoment[]): string[] {
  const told: string[] = [];
  if (daemon.sinceTick > UNHEALTHY_TICK_SECONDS) told.push(`The control loop has not ticked for ${longDuration(daemon.sinceTick)}.`);
  if (!daemon.ready) told.push('Services cannot attach.');
  if (!daemon.canDemote) told.push('Threads of hogs cannot be demoted: CAP_SYS_NICE is missing.');
  if (!daemon.highPriority) told.push('The control loop has no high priority and may be late beside full CPUs: CAP_SYS_NICE is missing.');
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
