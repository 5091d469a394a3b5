// A moment as full as the daemon makes them: 64 workers, 50 classes, all tiers and blames, 200 events and ended polls.
const TIERS = ['monitor', 'warn', 'yield', 'isolate'];
const BLAMES = ['burning', 'runnable', 'blocked', 'unknown'];
const SERVICES = ['shop', 'shop', 'mail', 'search'];
const ROUTES = ['checkout/render', 'checkout/pay', 'basket/list', 'report/daily', 'export/csv', 'index/merge', 'login', 'thumbnail', 'feed/rank', 'push'];
const PIDS = {shop: 1201, mail: 1340, search: 977};

/** The same for the same n: something that looks like chance. */
const chance = (...of) => {
  const x = Math.sin(of.reduce((sum, each, at) => sum + each * (12.9898 + at * 65.233), 1)) * 43_758.5453;
  return x - Math.floor(x);
};
const pick = (list, by) => list[Math.floor(by * list.length)];

const className = (i) => `${ROUTES[i % ROUTES.length]}${i >= ROUTES.length ? `/${Math.floor(i / ROUTES.length)}` : ''}`;
const classOf = (i) => ({s: SERVICES[i % SERVICES.length], c: className(i)});

function taskClass(n, i) {
  const hog = i % 7 === 3;
  const enf = i % 5 === 4 ? 'shadow' : 'enforce';
  const violations = hog ? Math.round(6 + 6 * chance(n, i)) : 0;
  const done = Math.round(violations / 2);
  const counts = enf === 'enforce' ? {yields: Math.round(done / 3), iso: done, dem: hog ? Math.round(chance(i, n) * 2) : 0}
                                   : {wyields: Math.round(done / 2), wiso: done, wdem: 1};
  return {...classOf(i), enf, tier: TIERS[hog ? 1 + i % 3 : 0], above: hog ? i % 4 : 0, polls: Math.round(400 / (1 + i)),
          cpu: (hog ? 0.3 : 0.1) / (1 + i / 6) * (0.8 + 0.4 * chance(n, i)),
          viol: violations, ...counts, p50: 0.0001 * (1 + i % 9), p99: (hog ? 0.02 : 0.0008) * (1 + chance(n, i)), qp99: 0.0003 * (1 + 9 * chance(i, n))};
}

function worker(n, w) {
  const service = SERVICES[w % SERVICES.length];
  const kind = w % 16 === 15 ? 'isolation' : w % 16 === 14 ? 'spare' : 'worker';
  const name = {s: service, pid: PIDS[service], w, name: `${service}-${w}`, kind, awake: kind === 'spare' && w % 32 === 14};
  if (w % 8 === 7 || (kind === 'spare' && !name.awake)) return name;
  // A poll of some hundred milliseconds to seconds, then a pause.
  const length = 3 + Math.floor(9 * chance(w));
  const at = (n + w * 3) % length;
  if (at >= length - 2) return name;
  const run = Math.floor((n + w * 3) / length);
  const age = at * 0.5 + 0.01 + 0.4 * chance(w, run);
  const blame = pick(BLAMES, chance(w, run, 3));
  const long = chance(w, run, 2) > 0.15;
  return {...name, poll: {
    c: className(Math.floor(50 * chance(w, run, 1))), age, cpu: blame === 'burning' ? age : age / 9, blame, long, over: long && blame === 'burning',
    tier: kind === 'isolation' ? 'isolate' : pick(TIERS, chance(w, run, 4)), demoted: chance(w, run, 5) > 0.8,
  }};
}

/** One after the other, on every eighth worker. */
function ended(n, t, i) {
  const w = 8 * (i % 8) + 7;
  const service = SERVICES[w % SERVICES.length];
  return {s: service, pid: PIDS[service], w, c: className(Math.floor(50 * chance(i, n))),
          start: t - 0.5 + 0.02 * Math.floor(i / 8), for: 0.005 + 0.014 * chance(n, i, 9),
          tier: pick(TIERS, chance(n, i, 10)), blame: pick(BLAMES, chance(n, i, 11))};
}

function event(n, t, i) {
  const of = {n: n * 200 + i, t: t - 0.5 + i / 400, pid: 1201, ...classOf(Math.floor(50 * chance(n, i, 12))), enf: 'enforce'};
  if (i % 20 !== 0) return {...of, kind: 'held', w: i % 64, name: `${of.s}-${i % 64}`, age: 0.01, cpu: 0.009, blame: 'burning', tier: 'warn'};
  const from = Math.floor(3 * chance(n, i, 13));
  return {...of, kind: 'tier', from: TIERS[from], to: TIERS[from + 1], reason: 'slow_polls', cpu: 0.004, whole: i % 40 === 0};
}

/** The n-th of them, half a second after the one before. */
export function fullMoment(n, {events = 200, ends = 200} = {}) {
  const t = 1_764_000_000 + n / 2;
  return {
    t,
    d: {version: '0.1.0', revision: n < 540 ? 6 : 7, enforcement: 'enforce', limit: 'enforce', profile: 'balanced', started_at: t - 93_600,
        ready: true, tick_p99: 0.00018, samples: 40_000, high_priority: true, can_demote: true},
    services: ['mail', 'search', 'shop'].map((name, at) => ({
      name, processes: 1 + at, workers: [18, 16, 30][at], spare_parked: 2, spare_awake: 1, demoted: at, in_flight: 3 + at,
    })),
    classes: Array.from({length: 50}, (_, i) => taskClass(n, i)), left_out: 12,
    workers: Array.from({length: 64}, (_, w) => worker(n, w)),
    ended: Array.from({length: ends}, (_, i) => ended(n, t, i)), ended_left_out: ends < 200 ? 0 : 40,
    events: Array.from({length: events}, (_, i) => event(n, t, i)), events_left_out: events < 200 ? 0 : 25,
  };
}
