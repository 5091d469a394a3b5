import assert from 'node:assert/strict';
import test from 'node:test';
import {History} from '../../dashboards/web/src/history.ts';
import {classLines, classRows, sumLine, topClasses} from '../../dashboards/web/src/rates.ts';
import {moment} from './moments.mjs';

const ALL = {service: '', class: ''};
const entry = (c, fields = {}) => ({s: 'demo', c, enf: 'enforce', ...fields});

function historyOf(count, classesOf, more = {}) {
  const history = new History();
  for (let n = 1; n <= count; n++) history.add(moment(n, {classes: classesOf(n), ...more}));
  return history;
}

test('rates are of the last five seconds', () => {
  const history = historyOf(40, (n) => [entry('a', {polls: n > 20 ? 10 : 999, cpu: 0.25, viol: 1, yields: 1, iso: 2, dem: 1, wyields: 3})]);
  const [row] = classRows(history.moments, ALL);
  assert.deepEqual([row.polls, row.cpu, row.violations, row.done, row.wouldBe], [20, 0.5, 2, 8, 6]);
});

test('a class that was still for five seconds has no rates, and keeps its row', () => {
  const history = historyOf(40, (n) => (n < 20 ? [entry('a', {polls: 5, p99: 0.1, tier: 'warn'})] : []));
  const [row] = classRows(history.moments, ALL);
  assert.deepEqual([row.polls, row.p99, row.latest.tier], [0, undefined, 'monitor']);
});

test('a class for which there was no room keeps the tier it was last told with', () => {
  const history = historyOf(4, (n) => (n < 3 ? [entry('a', {tier: 'warn'})] : []), {left_out: 3});
  assert.equal(classRows(history.moments, ALL)[0].latest.tier, 'warn');
});

test('p99 is the highest of the last five seconds', () => {
  const history = historyOf(20, (n) => [entry('a', {p99: n === 2 ? 5 : n / 1000})]);
  assert.equal(classRows(history.moments, ALL)[0].p99, 0.02);
});

test('the filter chooses services and parts of names', () => {
  const history = historyOf(2, () => [entry('pay/card'), entry('pay/cash', {s: 'shop'}), entry('render')]);
  const names = (filter) => classRows(history.moments, filter).map(({latest}) => latest.name);
  assert.deepEqual(names({service: '', class: 'PAY'}), ['pay/card', 'pay/cash']);
  assert.deepEqual(names({service: 'shop', class: ''}), ['pay/cash']);
});

test('charts show the classes that used the most CPU', () => {
  const history = historyOf(4, () => [entry('a', {cpu: 0.1}), entry('b', {cpu: 0.3}), entry('c', {cpu: 0.2})]);
  assert.deepEqual(topClasses(history.moments, ALL, 2), ['demo\0b', 'demo\0c']);
});

test('a line has nothing where no poll ended, and breaks where moments were missed', () => {
  const history = new History();
  history.add(moment(1, {classes: [entry('a', {p99: 1})]}));
  history.add(moment(2));
  history.add(moment(5, {classes: [entry('a', {p99: 2})]}));
  history.add(moment(6, {classes: [entry('a', {p99: 3})]}));
  assert.deepEqual(classLines(history.moments, ['demo\0a'], (c) => c.p99, undefined), [[1, undefined, null, 3]]);
});

test('sums are per second', () => {
  const history = historyOf(3, () => [entry('a', {viol: 2}), entry('b', {viol: 1})]);
  assert.deepEqual(sumLine(history.moments, ALL, (c) => c.violations), [6, 6, 6]);
  assert.deepEqual(sumLine(history.moments, {service: '', class: 'b'}, (c) => c.violations), [2, 2, 2]);
});

test('after another policy, the enforcement of a class that does nothing is not known', () => {
  const history = new History();
  const d = (revision) => ({revision, version: '1', enforcement: 'enforce', limit: 'enforce'});
  history.add(moment(1, {d: d(1), classes: [entry('a'), entry('b')]}));
  history.add(moment(2, {d: d(1), classes: [entry('b')]}));
  assert.deepEqual(classRows(history.moments, ALL).map((row) => row.enforcementKnown), [true, true]);
  history.add(moment(3, {d: d(2), classes: [entry('b')]}));
  assert.deepEqual(classRows(history.moments, ALL).map((row) => [row.latest.name, row.enforcementKnown]), [['a', false], ['b', true]]);
});
