import assert from 'node:assert/strict';
import test from 'node:test';
import {readMoment, workerKey} from '../../dashboards/web/src/moment.ts';

test('what a moment leaves out is filled in', () => {
  const read = readMoment('a-b-17', '{"t":1,"d":{"version":"1","enforcement":"shadow","limit":"enforce"},' +
    '"classes":[{"s":"x","enf":"shadow"}],"workers":[{"s":"x","pid":5,"poll":{"c":"y","age":0.1}}],"events":[{"n":1,"t":1,"kind":"attached","s":"x"}]}');
  assert.equal(read.epoch, 'a-b');
  assert.equal(read.n, 17);
  assert.deepEqual(read.services, []);
  const [c] = read.classes;
  assert.deepEqual([c.name, c.tier, c.polls, c.p99, c.pin], ['', 'monitor', 0, undefined, undefined]);
  const [worker] = read.workers;
  assert.deepEqual([worker.line, worker.kind, worker.poll.over, worker.poll.blame], [0, 'worker', false, 'unknown']);
  assert.equal(read.daemon.enforcement, 'shadow');
  assert.equal(read.events[0].to, undefined);
});

test('words that a newer daemon may say are taken for the harmless ones', () => {
  const read = readMoment('e-1', '{"t":1,"d":{"enforcement":"maybe"},"workers":[{"s":"x","kind":"odd","poll":{"tier":"outer","blame":"luck"}}]}');
  assert.equal(read.daemon.enforcement, 'observe');
  assert.deepEqual([read.workers[0].kind, read.workers[0].poll.tier, read.workers[0].poll.blame], ['worker', 'monitor', 'unknown']);
});

test('workers of one name in two processes are two', () => {
  assert.notEqual(workerKey({service: 'a', pid: 1, line: 0}), workerKey({service: 'a', pid: 2, line: 0}));
});
