import assert from 'node:assert/strict';
import test from 'node:test';
import {LongPolls} from '../../dashboards/web/src/long_polls.ts';
import {moment} from './moments.mjs';

const NAME = {s: 'demo', pid: 1, w: 2};
const holds = (age, more = {}) => ({...NAME, name: 'demo-2', poll: {c: 'export', age, tier: 'warn', blame: 'burning', over: true, ...more}});
const ended = (start, lasted, more = {}) => ({...NAME, c: 'export', start, for: lasted, tier: 'isolate', blame: 'burning', ...more});
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

function bars(...moments) {
  const polls = new LongPolls();
  moments.forEach((each, at) => polls.add(moment(at + 1, each), 0));
  return [...polls.lanes.values()].flatMap((lane) => lane.bars);
}

test('a poll in flight grows, and ends when the daemon says so', () => {
  const polls = new LongPolls();
  polls.add(moment(1, {workers: [holds(0.3)]}), 0);
  polls.add(moment(2, {workers: [holds(0.8001, {tier: 'isolate', demoted: true})]}), 0);
  const [lane] = polls.lanes.values();
  assert.equal(lane.bars.length, 1);
  const [open] = lane.bars;
  assert.deepEqual([open.open, open.tier, open.demoted, open.end], [true, 'isolate', true, 1001]);
  near(open.start, 1000.2);
  polls.add(moment(3, {workers: [{...NAME, name: 'demo-2'}], ended: [ended(1000.2, 0.9)]}), 0);
  assert.equal(lane.bars.length, 1);
  near(lane.bars[0].end, 1001.1);
  assert.deepEqual([lane.bars[0].open, lane.bars[0].uncertain, lane.bars[0].demoted], [false, false, true]);
});

test('polls within their budget are no bars', () => {
  assert.deepEqual(bars({workers: [holds(0.0001, {over: false})]}), []);
});

test('a poll that waits is within its budget, and a bar once it is long by the clock', () => {
  const [bar] = bars({workers: [holds(3, {over: false, long: true, blame: 'blocked'})]});
  assert.deepEqual([bar.open, bar.blame], [true, 'blocked']);
});

test('many that began and ended between two moments are bars of their own', () => {
  const of = bars({ended: [ended(1000.1, 0.02), ended(1000.2, 0.02), ended(1000.3, 0.02)]}, {ended: [ended(1000.6, 0.02)]});
  assert.deepEqual(of.map(({start}) => start), [1000.1, 1000.2, 1000.3, 1000.6]);
});

test('a poll whose end nobody told ends where it was last seen', () => {
  const [bar] = bars({workers: [holds(0.1)]}, {workers: []});
  assert.deepEqual([bar.open, bar.uncertain, bar.end], [false, true, 1000.5]);
});

test('an end that is told late still belongs to its poll', () => {
  const of = bars({workers: [holds(0.1)]}, {workers: []}, {ended: [ended(1000.4, 0.3)]});
  assert.equal(of.length, 1);
  near(of[0].end, 1000.7);
  assert.equal(of[0].uncertain, false);
});

test('the next poll of a worker is another bar', () => {
  const of = bars({workers: [holds(0.1)]}, {workers: [holds(0.05)]});
  assert.equal(of.length, 2);
  assert.deepEqual(of.map(({open}) => open), [false, true]);
});

test('one that ended while another is in flight comes before it', () => {
  const of = bars({ended: [ended(1000.1, 0.1)], workers: [holds(0.2)]}, {ended: [ended(1000.3, 0.5)], workers: [holds(0.1)]});
  assert.deepEqual(of.map(({open}) => open), [false, false, true]);
  assert.deepEqual(of.map(({start}) => start), [...of.map(({start}) => start)].sort());
  near(of[1].end, 1000.8);
});

test('an end that is an upper bound is shown as such', () => {
  const [bar] = bars({ended: [ended(1000.1, 0.5, {most: true})]});
  assert.equal(bar.uncertain, true);
});

test('workers of two processes have lanes of their own', () => {
  const polls = new LongPolls();
  polls.add(moment(1, {ended: [ended(1000.1, 0.1), ended(1000.1, 0.1, {pid: 9})]}), 0);
  assert.equal(polls.lanes.size, 2);
});

test('what is older than the history is forgotten, lanes without bars too', () => {
  const polls = new LongPolls();
  for (let n = 1; n <= 5_000; n++) {
    polls.add(moment(n, {ended: [ended(999.9 + n / 2, 0.05), ended(999.95 + n / 2, 0.05, {pid: n})]}), 1000 + n / 2 - 300);
  }
  const all = [...polls.lanes.values()].reduce((sum, lane) => sum + lane.bars.length, 0);
  assert.ok(all <= 1_210, `${all} bars`);
  polls.add(moment(10_000), 1000 + 5_000 - 300);
  assert.equal(polls.lanes.size, 0);
});

test('one lane is bounded however fast its polls are', () => {
  const polls = new LongPolls();
  for (let n = 1; n <= 150; n++) {
    polls.add(moment(n, {ended: Array.from({length: 200}, (_, i) => ended(1000 + n / 2 - 0.5 + i / 400, 0.001))}), 0);
  }
  assert.equal([...polls.lanes.values()][0].bars.length, 20_000);
});

test('polls that end inside another leave it in flight', () => {
  const of = bars({workers: [holds(0.1)]}, {workers: [holds(0.6)], ended: [ended(1000.6, 0.1)]}, {workers: [holds(1.1)], ended: [ended(1001.1, 0.1)]},
                  {ended: [ended(1000.4, 1.3)]});
  assert.deepEqual(of.map(({start, open}) => [start, open]), [[1000.4, false], [1000.6, false], [1001.1, false]]);
  near(of[0].end, 1001.7);
});

test('one that was in flight longer than the history goes back stays', () => {
  const polls = new LongPolls();
  for (let n = 1; n <= 700; n++) polls.add(moment(n, {workers: [holds(n / 2)], ended: [ended(999.8 + n / 2, 0.01)]}), 1000 + n / 2 - 300);
  const [lane] = polls.lanes.values();
  assert.equal(lane.bars.filter(({open}) => open).length, 1);
  assert.equal(lane.bars[0], lane.open);
  assert.ok(lane.bars.length <= 602);
});
