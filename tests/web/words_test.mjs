import assert from 'node:assert/strict';
import test from 'node:test';
import {eventText} from '../../dashboards/web/src/event_text.ts';
import {cores, count, duration, longDuration, rate} from '../../dashboards/web/src/quantity.ts';
import {TimelineRows} from '../../dashboards/web/src/timeline_rows.ts';
import {ticks} from '../../dashboards/web/src/timeline_canvas.ts';
import {moment} from './moments.mjs';

const event = (fields) => moment(1, {events: [{n: 1, t: 1, s: 'demo', pid: 7, c: 'export', ...fields}]}).events[0];

test('durations have the unit that suits them', () => {
  assert.deepEqual([0, 2e-8, 0.00002, 0.0013, 0.0201, 0.99999, 1.5, 125, 7_500, 200_000].map(duration),
                   ['0', '20 ns', '20 µs', '1.3 ms', '20.1 ms', '1 s', '1.5 s', '2 min 5 s', '2 h 5 min', '2 d 7 h']);
  assert.equal(longDuration(59.9), '59 s');
});

test('rates and parts of cores show that nothing happened as a dash', () => {
  assert.deepEqual([0, 0.001, 0.5, 12.34, 1234.5].map(rate), ['–', '< 0.01', '0.5', '12.3', '1\u202f235']);
  assert.deepEqual([0, 0.0001, 0.041, 0.712].map(cores), ['–', '< 0.1 %', '4.1 %', '71 %']);
  assert.deepEqual([count(1, 'worker'), count(2, 'process', 'processes')], ['1 worker', '2 processes']);
});

test('events are told in words', () => {
  assert.equal(eventText(event({kind: 'tier', from: 'warn', to: 'isolate', reason: 'slow_polls', cpu: 0.005, whole: true, enf: 'shadow'})),
               'export of demo: new tasks up from Warn to Isolate, slow polls, its poll used 5 ms of CPU (shadow only)');
  assert.equal(eventText(event({kind: 'tier', from: 'warn', to: 'monitor', enf: 'enforce'})), 'export of demo: a task down from Warn to Monitor');
  assert.equal(eventText(event({kind: 'held', w: 3, age: 0.005, cpu: 0.004, blame: 'blocked', enf: 'enforce'})),
               'export holds worker 3 of demo[7] for 5 ms, 4 ms of CPU, blocked');
  assert.equal(eventText(event({kind: 'held', w: 3, age: 0.005, cpu: 0.004, enf: 'enforce'}), true),
               'export holds workers of demo, the last for 5 ms, 4 ms of CPU');
  assert.equal(eventText(event({kind: 'pin', to: 'isolate'})), 'export of demo: pinned to Isolate');
  assert.equal(eventText(event({kind: 'pin'})), 'export of demo: pinned no more');
  assert.equal(eventText(event({kind: 'policy', revision: 3, enf: 'enforce'})), 'policy revision 3 in force: enforce');
  assert.equal(eventText(event({kind: 'attached'})), 'demo[7] attached');
});

test('rows stand by service and kind, and a worker that is gone stays while its bars are seen', () => {
  const rows = new TimelineRows();
  const workers = moment(1, {workers: [
    {s: 'b', pid: 1, w: 0, name: 'b-0'}, {s: 'a', pid: 1, w: 2, kind: 'spare'}, {s: 'a', pid: 1, w: 1, kind: 'isolation'}, {s: 'a', pid: 1, w: 0}]}).workers;
  const lanes = new Map([['a\x001\x001', {service: 'a', pid: 1, line: 1, name: 'iso', bars: [{class: 'x', start: 1, end: 2}]}]]);
  const all = {service: '', class: ''};
  const titles = (list) => list.map((row) => (row.type === 'group' ? `${row.service} ${row.kind} ${row.workers}` : row.name));
  assert.deepEqual(titles(rows.list(workers, lanes, all, 0)),
                   ['a worker 1', 'worker 0', 'a isolation 1', 'worker 1', 'a spare 1', 'worker 2', 'b worker 1', 'b-0']);
  assert.deepEqual(titles(rows.list(workers.slice(0, 1), lanes, all, 0)), ['a isolation 1', 'iso', 'b worker 1', 'b-0']);
  assert.deepEqual(titles(rows.list(workers.slice(0, 1), lanes, all, 3)), ['b worker 1', 'b-0']);
  assert.deepEqual(titles(rows.list(workers, lanes, {service: 'b', class: ''}, 0)), ['b worker 1', 'b-0']);
});

test('a worker that was never listed is not said to be of any kind', () => {
  const lanes = new Map([['a\x001\x001', {service: 'a', pid: 1, line: 1, name: '', bars: [{class: 'x', start: 1, end: 2}]}]]);
  const [title] = new TimelineRows().list([], lanes, {service: '', class: ''}, 0);
  assert.deepEqual([title.kind, title.workers], ['other', 1]);
});

test('threads of one name are told apart by their lines', () => {
  const {workers} = moment(1, {workers: [{s: 'a', pid: 1, w: 0, name: 'demo'}, {s: 'a', pid: 1, w: 1, name: 'demo'}, {s: 'a', pid: 2, w: 0, name: 'demo'}]});
  const names = new TimelineRows().list(workers, new Map(), {service: '', class: ''}, 0).map((row) => row.name).slice(1);
  assert.deepEqual(names, ['demo 0', 'demo 1', 'demo']);
});

test('the axis has few, whole ticks at every width', () => {
  for (const seconds of [10, 60, 300]) {
    for (const width of [300, 800, 2_000]) {
      const found = ticks({from: 1000.3, to: 1000.3 + seconds, width});
      assert.ok(found.length >= 2 && found.length <= width / 80, `${found.length} of ${seconds} s in ${width}`);
      assert.ok(found.every((t) => Number.isInteger(t)));
    }
  }
});
