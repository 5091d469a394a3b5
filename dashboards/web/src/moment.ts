// What one message of /events says, in words: daemon/history/moment.h has the text. Whatever it leaves out is filled in here.

export const TIERS = ['monitor', 'warn', 'yield', 'isolate'] as const;
export type Tier = (typeof TIERS)[number];
export type Enforcement = 'observe' | 'shadow' | 'enforce';
export type Blame = 'unknown' | 'burning' | 'runnable' | 'blocked';
export type WorkerKind = 'worker' | 'isolation' | 'spare';

export interface Daemon {
  version: string;
  revision: number;
  enforcement: Enforcement;
  limit: Enforcement;
  profile: string;
  startedAt: number;
  ready: boolean;
  sinceTick: number;
  tickP99: number;
  dropped: number;
  highPriority: boolean;
  canDemote: boolean;
}

export interface Service {
  name: string;
  processes: number;
  workers: number;
  spareParked: number;
  spareAwake: number;
  demoted: number;
  inFlight: number;
  quarantined: boolean;
}

/** Since the moment before; times in seconds. */
export interface Counts {
  polls: number;
  cpu: number;
  violations: number;
  yields: number;
  isolations: number;
  demotions: number;
  wouldYield: number;
  wouldIsolate: number;
  wouldDemote: number;
}

export interface TaskClass extends Counts {
  /** Service and name, in one. */
  key: string;
  service: string;
  name: string;
  tier: Tier;
  above: number;
  enforcement: Enforcement;
  pin?: Tier;
  p50?: number;
  p99?: number;
  waitP99?: number;
}

export interface Poll {
  class: string;
  age: number;
  cpu: number;
  blame: Blame;
  tier: Tier;
  over: boolean;
  /** Over its budget, or in flight for long by the clock. */
  long: boolean;
  demoted: boolean;
}

/** Service, pid and line name a worker. */
export interface WorkerName {
  service: string;
  pid: number;
  line: number;
}

export interface Worker extends WorkerName {
  name: string;
  kind: WorkerKind;
  awake: boolean;
  poll?: Poll;
}

export interface EndedPoll extends WorkerName {
  class: string;
  start: number;
  duration: number;
  atMost: boolean;
  tier: Tier;
  blame: Blame;
}

export interface DaemonEvent {
  n: number;
  t: number;
  kind: string;
  service: string;
  pid: number;
  line: number;
  worker: string;
  class: string;
  whole: boolean;
  from: Tier;
  to?: Tier;
  tier: Tier;
  reason: string;
  enforcement?: Enforcement;
  age: number;
  cpu: number;
  blame: Blame;
  rejected: number;
  revision: number;
}

export interface Moment {
  epoch: string;
  n: number;
  t: number;
  daemon: Daemon;
  services: Service[];
  classes: TaskClass[];
  classesLeftOut: number;
  workers: Worker[];
  workersLeftOut: number;
  ended: EndedPoll[];
  endedLeftOut: number;
  events: DaemonEvent[];
  eventsLeftOut: number;
}

/** Between the parts of a key: what no name has in it. */
export const KEY_SEPARATOR = '\0';

export function workerKey(worker: WorkerName): string {
  return [worker.service, worker.pid, worker.line].join(KEY_SEPARATOR);
}

const LEVELS: readonly Enforcement[] = ['observe', 'shadow', 'enforce'];

/** The policy asks for one, the limit allows for another: what holds is the lesser. */
export function inForce(daemon: Pick<Daemon, 'enforcement' | 'limit'>): Enforcement {
  return LEVELS[Math.min(LEVELS.indexOf(daemon.enforcement), LEVELS.indexOf(daemon.limit))]!;
}

/** The unnamed class has no name of its own. */
export function className(name: string): string {
  return name || '(unnamed)';
}

// What JSON gives us is anything until it was read.
type Fields = Record<string, unknown>;

const num = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const maybe = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const list = (value: unknown): Fields[] => (Array.isArray(value) ? (value as Fields[]) : []);
const tier = (value: unknown): Tier => (TIERS.includes(value as Tier) ? (value as Tier) : 'monitor');
const maybeTier = (value: unknown): Tier | undefined => (value === undefined ? undefined : tier(value));
const blame = (value: unknown): Blame =>
  value === 'burning' || value === 'runnable' || value === 'blocked' ? value : 'unknown';
const enforcement = (value: unknown): Enforcement => (value === 'enforce' || value === 'shadow' ? value : 'observe');
const kind = (value: unknown): WorkerKind => (value === 'isolation' || value === 'spare' ? value : 'worker');
const workerName = (from: Fields): WorkerName => ({service: text(from.s), pid: num(from.pid), line: num(from.w)});

/** id is the message's: <epoch>-<n>. Throws what is no moment at all. */
export function readMoment(id: string, data: string): Moment {
  const dash = id.lastIndexOf('-');
  const from = JSON.parse(data) as Fields;
  return {
    epoch: id.slice(0, Math.max(dash, 0)),
    n: Number(id.slice(dash + 1)),
    t: num(from.t),
    daemon: readDaemon((from.d ?? {}) as Fields),
    services: list(from.services).map(readService),
    classes: list(from.classes).map(readClass),
    classesLeftOut: num(from.left_out),
    workers: list(from.workers).map(readWorker),
    workersLeftOut: num(from.workers_left_out),
    ended: list(from.ended).map(readEnded),
    endedLeftOut: num(from.ended_left_out),
    events: list(from.events).map(readEvent),
    eventsLeftOut: num(from.events_left_out),
  };
}

function readDaemon(from: Fields): Daemon {
  return {
    version: text(from.version), revision: num(from.revision), profile: text(from.profile),
    enforcement: enforcement(from.enforcement), limit: enforcement(from.limit), startedAt: num(from.started_at),
    ready: from.ready === true, sinceTick: num(from.since_tick), tickP99: num(from.tick_p99), dropped: num(from.dropped),
    highPriority: from.high_priority === true, canDemote: from.can_demote === true,
  };
}

function readService(from: Fields): Service {
  return {
    name: text(from.name), processes: num(from.processes), workers: num(from.workers), spareParked: num(from.spare_parked),
    spareAwake: num(from.spare_awake), demoted: num(from.demoted), inFlight: num(from.in_flight),
    quarantined: from.quarantined === true,
  };
}

function readClass(from: Fields): TaskClass {
  return {
    key: text(from.s) + KEY_SEPARATOR + text(from.c), service: text(from.s), name: text(from.c), tier: tier(from.tier), above: num(from.above),
    enforcement: enforcement(from.enf), pin: maybeTier(from.pin), polls: num(from.polls), cpu: num(from.cpu),
    violations: num(from.viol), yields: num(from.yields), isolations: num(from.iso), demotions: num(from.dem),
    wouldYield: num(from.wyields), wouldIsolate: num(from.wiso), wouldDemote: num(from.wdem), p50: maybe(from.p50),
    p99: maybe(from.p99), waitP99: maybe(from.qp99),
  };
}

function readWorker(from: Fields): Worker {
  return {
    ...workerName(from), name: text(from.name), kind: kind(from.kind), awake: from.awake === true,
    poll: from.poll === undefined ? undefined : readPoll(from.poll as Fields),
  };
}

function readPoll(from: Fields): Poll {
  return {
    class: text(from.c), age: num(from.age), cpu: num(from.cpu), blame: blame(from.blame), tier: tier(from.tier),
    over: from.over === true, long: from.over === true || from.long === true, demoted: from.demoted === true,
  };
}

function readEnded(from: Fields): EndedPoll {
  return {
    ...workerName(from), class: text(from.c), start: num(from.start), duration: num(from.for), atMost: from.most === true,
    tier: tier(from.tier), blame: blame(from.blame),
  };
}

function readEvent(from: Fields): DaemonEvent {
  return {
    ...workerName(from), n: num(from.n), t: num(from.t), kind: text(from.kind), worker: text(from.name), class: text(from.c),
    whole: from.whole === true, from: tier(from.from), to: maybeTier(from.to), tier: tier(from.tier),
    reason: text(from.reason), enforcement: from.enf === undefined ? undefined : enforcement(from.enf), age: num(from.age),
    cpu: num(from.cpu), blame: blame(from.blame), rejected: num(from.rejected), revision: num(from.revision),
  };
}
