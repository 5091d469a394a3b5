import assert from 'node:assert/strict';
import test from 'node:test';
import {EventLines, MOST_LINES} from '../../dashboards/web/src/event_lines.ts';
import {History} from '../../dashboards/web/src/history.ts';
import {moment} from './moments.mjs';

const ALL = {service: '', class: ''};
const held = (fields) => ({kind: 'held', s: 'demo', pid: 7, c: 'export', ...fields});
const tier = (fields) => ({kind: 'tier', s: 'demo', pid: 7, c: 'export', from: 'warn', to: 'yield', ...fields});

/** Lines, newest first, of moments of such events. */
function lines(moments, filter = ALL) {
  const history = new History();
  moments.forEach((events, at) => history.add(moment(at + 1, {events})));
  return new EventLines().show(history, filter).map(({event, times}) => [event.kind, event.class, times]);
}

test('held polls of a class are one line, also where others of them lie between', () => {
  assert.deepEqual(lines([[held(), held({c: 'other'})], [held(), held()]]), [['held', 'export', 3], ['held', 'other', 1]]);
});

test('changes that say the same are one line only where nothing lies between', () => {
  assert.deepEqual(lines([[held(), held(), tier(), tier(), held(), tier()]]),
                   [['tier', 'export', 1], ['held', 'export', 1], ['tier', 'export', 2], ['held', 'export', 2]]);
  assert.equal(lines([[{kind: 'attached', s: 'demo'}, {kind: 'attached', s: 'demo'}]]).length, 2);
});

test('a line of several workers says so', () => {
  const history = new History();
  history.add(moment(1, {events: [held({w: 1}), held({w: 1})]}));
  const shown = new EventLines();
  assert.equal(shown.show(history, ALL)[0].several, false);
  history.add(moment(2, {events: [held({w: 2})]}));
  assert.deepEqual(shown.show(history, ALL).map(({times, several}) => [times, several]), [[3, true]]);
});

test('events by the filter, which may change', () => {
  const history = new History();
  history.add(moment(1, {events: [held(), held({s: 'shop', c: 'pay'}), {kind: 'policy', revision: 2}]}));
  const shown = new EventLines();
  assert.equal(shown.show(history, ALL).length, 3);
  assert.deepEqual(shown.show(history, {service: '', class: 'pa'}).map(({event}) => event.kind), ['policy', 'held']);
  assert.equal(shown.show(history, ALL).length, 3);
});

test('what came before all that is kept is not counted any more', () => {
  const history = new History();
  const shown = new EventLines();
  for (let n = 1; n <= 700; n++) {
    history.add(moment(n, {events: [held(), ...(n === 1 ? [{kind: 'attached', s: 'demo'}] : [])]}));
    shown.show(history, ALL);
  }
  assert.deepEqual(shown.show(history, ALL).map(({times}) => times), [history.moments.length]);
});

test('another history begins other lines', () => {
  const history = new History();
  const shown = new EventLines();
  history.add(moment(5, {events: [held(), tier()]}));
  shown.show(history, ALL);
  history.add(moment(1, {t: 1003, events: [held()]}, 'other'));
  assert.deepEqual(shown.show(history, ALL).map(({times}) => times), [1]);
});

test('no more lines than wanted', () => {
  assert.equal(lines([1, 2, 3].map((n) => Array.from({length: 99}, (_, i) => tier({c: `${n} ${i}`})))).length, MOST_LINES);
});

test('a storm of tiers leaves what is rare where it is', () => {
  const storm = (n) => Array.from({length: 200}, (_, i) => tier({c: `${n} ${i}`}));
  const shown = lines([[{kind: 'policy', revision: 2}, {kind: 'quarantined', s: 'demo'}], storm(1), storm(2), storm(3)]);
  assert.equal(shown.length, MOST_LINES);
  assert.deepEqual(shown.slice(-2).map(([kind]) => kind), ['quarantined', 'policy']);
  const rare = lines([Array.from({length: 150}, () => ({kind: 'attached', s: 'demo'})), [held()]]);
  assert.deepEqual([rare.length, rare[0][0]], [MOST_LINES, 'held']);
});
