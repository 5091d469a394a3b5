import assert from 'node:assert/strict';
import test from 'node:test';
import {History, KEPT_SECONDS} from '../../dashboards/web/src/history.ts';
import {marks, apart} from '../../dashboards/web/src/marks.ts';
import {moment} from './moments.mjs';

const ALL = {service: '', class: ''};

test('five minutes are kept, and no more', () => {
  const history = new History();
  for (let n = 1; n <= 2_000; n++) history.add(moment(n));
  assert.ok(history.moments.length <= KEPT_SECONDS * 2 + 1);
  assert.ok(history.last.t - history.moments[0].t <= KEPT_SECONDS);
  assert.ok(history.last.t - history.moments[0].t >= KEPT_SECONDS - 1);
});

test('moments that come faster than they should are bounded by number', () => {
  const history = new History();
  for (let n = 1; n <= 5_000; n++) history.add(moment(n, {t: 1000 + n / 1000}));
  assert.equal(history.moments.length, 640);
});

test('what is told again after a reconnect is known', () => {
  const history = new History();
  for (const n of [1, 2, 3]) history.add(moment(n));
  assert.deepEqual([1, 2, 3, 4].map((n) => history.add(moment(n))), ['known', 'known', 'known', 'added']);
  assert.equal(history.moments.length, 4);
});

test('another epoch discards what was, and is marked', () => {
  const history = new History();
  for (const n of [7, 8, 9]) history.add(moment(n));
  assert.equal(history.add(moment(1, {t: 1020}, 'other')), 'anew');
  assert.deepEqual(history.moments.map(({n}) => n), [1]);
  assert.deepEqual(marks(history, ALL).map(({kind, t, label}) => [kind, t, label]), [['anew', 1020, 'daemon restarted']]);
});

test('a clock that was set back begins anew instead of making negative gaps', () => {
  const history = new History();
  for (const n of [1, 2, 3]) history.add(moment(n));
  assert.equal(history.add(moment(4, {t: 500})), 'anew');
  assert.equal(history.anewBecause, 'clock');
  history.add(moment(5, {t: 500.5}));
  assert.ok(history.moments.every(({elapsed}) => elapsed > 0));
});

test('the mark of a restart goes with its time', () => {
  const history = new History();
  history.add(moment(1));
  history.add(moment(1, {}, 'other'));
  for (let n = 2; n <= 700; n++) history.add(moment(n, {}, 'other'));
  assert.equal(history.anewAt, undefined);
});

test('missed moments are a gap, and do not stretch rates', () => {
  const history = new History();
  for (const n of [1, 2, 9, 10]) history.add(moment(n));
  assert.deepEqual(history.moments.map(({afterGap}) => afterGap), [false, false, true, false]);
  assert.deepEqual(history.moments.map(({elapsed}) => elapsed), [0.5, 0.5, 0.5, 0.5]);
  assert.deepEqual(marks(history, ALL).map(({kind}) => kind), ['gap']);
});

test('revisions and changes of tiers are marks, by the filter', () => {
  const history = new History();
  history.add(moment(1, {events: [
    {n: 1, t: 1000.1, kind: 'policy', revision: 3, enf: 'enforce'},
    {n: 2, t: 1000.2, kind: 'tier', s: 'shop', c: 'pay', from: 'warn', to: 'isolate'},
    {n: 3, t: 1000.3, kind: 'tier', s: 'mail', c: 'send', from: 'monitor', to: 'warn'},
    {n: 4, t: 1000.3, kind: 'held', s: 'mail', c: 'send'}]}));
  const of = (filter) => marks(history, filter).map(({kind, label, tier}) => [kind, label, tier]);
  assert.deepEqual(of(ALL), [['revision', 'r3 enforce', undefined], ['tier', 'pay', 'isolate'], ['tier', 'send', 'warn']]);
  assert.deepEqual(of({service: 'mail', class: ''}), [['revision', 'r3 enforce', undefined], ['tier', 'send', 'warn']]);
  assert.equal(of({service: '', class: 'pa'}).length, 2);
});

const revision = (n, events = []) => ({d: {revision: n, version: '1', enforcement: 'enforce', limit: 'shadow'}, events});
const policy = (n, t) => ({n, t, kind: 'policy', revision: n, enf: 'enforce'});
const revisions = (history) => marks(history, ALL).filter(({kind}) => kind === 'revision').map(({t, label}) => [t, label]);

test('a revision of which no event tells is marked where it came into force', () => {
  const history = new History();
  [3, 3, 4, 4].forEach((n, at) => history.add(moment(at + 1, revision(n))));
  assert.deepEqual(revisions(history), [[1001.5, 'r4 shadow']]);
});

test('a revision of which an event tells is marked once, whichever came first', () => {
  for (const at of [1, 2, 3]) {
    const history = new History();
    for (let n = 0; n < 6; n++) history.add(moment(n + 1, revision(n < 2 ? 3 : 4, n === at ? [policy(4, 1001.2)] : [])));
    assert.deepEqual(revisions(history), [[1001.2, 'r4 enforce']], `told in moment ${at}`);
  }
});

test('another daemon with another revision is no change of policy', () => {
  const history = new History();
  history.add(moment(1, revision(3)));
  history.add(moment(1, {...revision(4), t: 1003}, 'other'));
  assert.deepEqual(revisions(history), []);
});

test('changes that would lie over each other become the highest of them, and say of how many', () => {
  const tier = (t, to, label) => ({t, kind: 'tier', label, tier: to, times: 1});
  const kept = apart([tier(1, 'warn', 'a'), tier(1.1, 'isolate', 'b'), tier(1.2, 'monitor', 'c'), tier(3, 'warn', 'd')], 1);
  assert.deepEqual(kept.map(({t, tier: to, label, times}) => [t, to, label, times]), [[1, 'isolate', 'b', 3], [3, 'warn', 'd', 1]]);
});
