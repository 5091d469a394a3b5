// What a redraw costs is bounded by what came since the one before, not by the five minutes that are kept: counted, not timed.
import assert from 'node:assert/strict';
import test from 'node:test';
import {Classes} from '../../dashboards/web/src/classes.ts';
import {EventLines} from '../../dashboards/web/src/event_lines.ts';
import {History} from '../../dashboards/web/src/history.ts';
import {marks} from '../../dashboards/web/src/marks.ts';
import {readMoment} from '../../dashboards/web/src/moment.ts';
import {classLine, cpuTimes, sumLine} from '../../dashboards/web/src/rates.ts';
import {fullMoment} from './full_moment.mjs';

const MOMENTS = 600;
// A few of them, over and over: reading 600 is not what is counted here.
const READ = Array.from({length: 20}, (_, n) => readMoment(`e-${n}`, JSON.stringify(fullMoment(n))));
let reads = 0;

/** A list that counts how often its entries are read. */
function counted(list) {
  return new Proxy(list, {
    get(target, key) {
      if (typeof key === 'string' && /^\d/.test(key)) reads++;
      return target[key];
    },
  });
}

class Shown {
  history = new History();
  classes = new Classes();
  lines = new EventLines();

  add(n) {
    const moment = READ[n % READ.length];
    this.history.add({...moment, n, t: 1000 + n / 2, classes: counted(moment.classes), events: counted(moment.events)});
  }

  /** How many entries of moments were read for it. */
  redraw(filter) {
    reads = 0;
    const {moments, last} = this.history;
    this.classes.follow(this.history);
    assert.ok(this.classes.rows(moments, filter).length > 0);
    this.classes.exceptions(last);
    assert.ok(this.lines.show(this.history, filter).length > 0);
    this.marks = marks(this.history, filter);
    for (const key of cpuTimes(moments, filter).keys()) classLine(moments, filter, key, (c) => c.p99, undefined);
    for (const count of ['violations', 'yields', 'isolations', 'demotions', 'wouldYield', 'wouldIsolate', 'wouldDemote']) {
      sumLine(moments, filter, (c) => c[count]);
    }
    return reads;
  }
}

test('each entry of a moment is looked at a few times, and never again', () => {
  const shown = new Shown();
  for (let n = 1; n <= MOMENTS; n++) shown.add(n);
  for (const filter of [{service: '', class: ''}, {service: 'shop', class: 'checkout'}]) {
    const first = shown.redraw(filter);
    assert.ok(first <= MOMENTS * 250 * 3, `${first} for the first`);
    assert.equal(shown.redraw(filter), 0);
  }
  const filter = {service: '', class: ''};
  shown.redraw(filter);
  shown.add(MOMENTS + 1);
  const next = shown.redraw(filter);
  assert.ok(next > 0 && next <= 250 * 3, `${next} for one moment more`);
});

test('changes of tiers without number are few marks', () => {
  const shown = new Shown();
  for (const moment of READ) {
    const events = Array.from({length: 200}, (_, i) => ({...moment.events[0], t: moment.t - 0.5 + i / 400}));
    shown.history.add({...moment, events});
  }
  shown.redraw({service: '', class: ''});
  assert.ok(shown.marks.length <= 20 * 11, `${shown.marks.length} marks`);
  assert.equal(shown.marks.reduce((sum, mark) => sum + (mark.kind === 'tier' ? mark.times : 0), 0), 20 * 200);
});
