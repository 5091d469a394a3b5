import assert from 'node:assert/strict';
import test from 'node:test';
import {History} from '../../dashboards/web/src/history.ts';
import {Classes} from '../../dashboards/web/src/classes.ts';
import {classLine, cpuTimes, doneTo, sumLine, topClasses, wouldBeDoneTo} from '../../dashboards/web/src/rates.ts';
import {moment} from './moments.mjs';

const ALL = {service: '', class: ''};

function followed(history) {
  const classes = new Classes();
  classes.follow(history);
  return classes;
}
const classRows = (history, filter) => followed(history).rows(history.moments, filter);
const entry = (c, fields = {}) => ({s: 'demo', c, enf: 'enforce', ...fields});

function historyOf(count, classesOf, more = {}) {
  const history = new History();
  for (let n = 1; n <= count; n++) history.add(moment(n, {classes: classesOf(n), ...more}));
  return history;
}

test('rates are of the last five seconds', () => {
  const history = historyOf(40, (n) => [entry('a', {polls: n > 20 ? 10 : 999, cpu: 0.25, viol: 1, yields: 1, iso: 2, dem: 1, wyields: 3})]);
  const [row] = classRows(history, ALL);
  assert.deepEqual([row.polls, row.cpu, row.violations, doneTo(row), wouldBeDoneTo(row)], [20, 0.5, 2, 8, 6]);
});

test('a class that was still for five seconds has no rates, and keeps its row', () => {
  const history = historyOf(40, (n) => (n < 20 ? [entry('a', {polls: 5, p99: 0.1, tier: 'warn'})] : []));
  const [row] = classRows(history, ALL);
  assert.deepEqual([row.polls, row.p99, row.latest.tier], [0, undefined, 'monitor']);
});

test('a class for which there was no room keeps the tier it was last told with', () => {
  const history = historyOf(4, (n) => (n < 3 ? [entry('a', {tier: 'warn'})] : []), {left_out: 3});
  assert.equal(classRows(history, ALL)[0].latest.tier, 'warn');
});

test('percentiles are the highest of the last five seconds', () => {
  const history = historyOf(20, (n) => [entry('a', {p99: n === 2 ? 5 : n / 1000, qp99: n === 2 ? 7 : (30 - n) / 1000})]);
  const [row] = classRows(history, ALL);
  assert.deepEqual([row.p99, row.waitP99], [0.02, 0.019]);
});

test('the filter chooses services and parts of names', () => {
  const history = historyOf(2, () => [entry('pay/card'), entry('pay/cash', {s: 'shop'}), entry('render')]);
  const names = (filter) => classRows(history, filter).map(({latest}) => latest.name);
  assert.deepEqual(names({service: '', class: 'pay'}), ['pay/card', 'pay/cash']);
  assert.deepEqual(names({service: 'shop', class: ''}), ['pay/cash']);
});

test('charts show the classes that used the most CPU', () => {
  const history = historyOf(4, () => [entry('a', {cpu: 0.1}), entry('b', {cpu: 0.3}), entry('c', {cpu: 0.2})]);
  assert.deepEqual(topClasses(cpuTimes(history.moments, ALL), 2), ['demo\0b', 'demo\0c']);
});

test('a class that is shown stays until another used clearly more', () => {
  const history = historyOf(4, () => [entry('a', {cpu: 0.3}), entry('b', {cpu: 0.2}), entry('c', {cpu: 0.22})]);
  assert.deepEqual(topClasses(cpuTimes(history.moments, ALL), 2, ['demo\0b']), ['demo\0a', 'demo\0b']);
  const clearly = historyOf(4, () => [entry('a', {cpu: 0.3}), entry('b', {cpu: 0.2}), entry('c', {cpu: 0.29})]);
  assert.deepEqual(topClasses(cpuTimes(clearly.moments, ALL), 2, ['demo\0b']), ['demo\0a', 'demo\0c']);
});

test('a line has nothing where no poll ended, and breaks where moments were missed', () => {
  const history = new History();
  history.add(moment(1, {classes: [entry('a', {p99: 1})]}));
  history.add(moment(2));
  history.add(moment(5, {classes: [entry('a', {p99: 2})]}));
  history.add(moment(6, {classes: [entry('a', {p99: 3})]}));
  assert.deepEqual(classLine(history.moments, ALL, 'demo\0a', (c) => c.p99, undefined), [1, undefined, null, 3]);
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
  assert.deepEqual(classRows(history, ALL).map((row) => row.enforcementKnown), [true, true]);
  history.add(moment(3, {d: d(2), classes: [entry('b')]}));
  assert.deepEqual(classRows(history, ALL).map((row) => [row.latest.name, row.enforcementKnown]), [['a', false], ['b', true]]);
});

test('classes of which nothing is kept any more are forgotten', () => {
  const history = new History();
  const classes = new Classes();
  for (let n = 1; n <= 700; n++) {
    history.add(moment(n, {classes: [entry(`once ${n}`), entry('always')]}));
    classes.follow(history);
  }
  const names = classes.rows(history.moments, ALL).map(({latest}) => latest.name);
  assert.equal(names.length, history.moments.length + 1);
  assert.ok(names.includes('always') && !names.includes('once 1') && names.includes('once 700'));
});
