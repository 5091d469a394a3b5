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
  assert.equal(of({service: '', class: 'PA'}).length, 2);
});

test('changes that would lie over each other become the highest of them', () => {
  const tier = (t, to) => ({t, kind: 'tier', label: 'x', tier: to});
  const kept = apart([tier(1, 'warn'), tier(1.1, 'isolate'), tier(1.2, 'monitor'), tier(3, 'warn')], 1);
  assert.deepEqual(kept.map(({t, tier: to, times}) => [t, to, times]), [[1, 'isolate', 3], [3, 'warn', 1]]);
});
