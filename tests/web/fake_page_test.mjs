// The page before a daemon that is played: what a real one is rarely in, and what it must never be asked to be in.
import assert from 'node:assert/strict';
import {join} from 'node:path';
import test, {after, before} from 'node:test';
import {openBrowser, PATIENCE_MS, PHONE, WatchedPage, WIDE} from './browser.mjs';
import {bundledAssets, FakeDaemon} from './fake_daemon.mjs';
import {fullMoment} from './full_moment.mjs';

const HTTP_REFUSED = /503 \(Service Unavailable\)|ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/;
const assets = bundledAssets(join(process.env.PULSED_WEB_PACKAGES, '..', 'web_assets.cpp'));
let browser;

before(async () => (browser = await openBrowser()));
after(() => browser?.close());

const demo = {name: 'demo', processes: 1, workers: 1};
const export_ = (fields = {}) => ({s: 'demo', c: 'demo/export', enf: 'enforce', polls: 5, cpu: 0.2, tier: 'isolate', ...fields});

function said(t, fields = {}) {
  return {
    t,
    d: {version: '9.9', revision: 1, enforcement: 'enforce', limit: 'enforce', profile: 'balanced', started_at: t - 60, ready: true,
        high_priority: true, can_demote: true},
    services: [demo], ...fields,
  };
}

/** A page before a daemon of its own; what `play` does not expect to go wrong must not. */
function played(name, play, options = {}) {
  test(name, async () => {
    const daemon = new FakeDaemon(assets);
    await daemon.start();
    let page;
    try {
      page = await WatchedPage.open(browser, daemon.address, options);
      await play(page, daemon);
      page.checkNothingWrong();
    } finally {
      await page?.close();
      await daemon.stop();
    }
  });
}

const shownMoment = (page, id) => page.until(`moment ${id} is shown`, (wanted) => document.body.dataset.moment === wanted, id);

played('where nothing is attached, it says how to attach', async (page, daemon) => {
  assert.equal(await page.text('#connection-text'), 'connecting');
  daemon.say(said(1000, {services: []}));
  await shownMoment(page, 'one-1');
  assert.match(await page.text('#empty'), /No service is attached.*find_package\(pulsed\)/s);
  assert.equal(await page.page.locator('#watching').isVisible(), false);
  for (const size of [WIDE, PHONE]) {
    await page.page.setViewportSize(size);
    await page.checkFits();
  }
  await page.screenshot('empty-phone');
  for (const path of ['metrics', '-/healthy', '-/ready', 'status.json']) {
    assert.equal(await page.page.locator(`footer a[href="${path}"]`).count(), 1, path);
  }
  daemon.say(said(1000.5));
  await page.page.locator('#watching').waitFor({state: 'visible'});
  assert.equal(await page.page.locator('#empty').isVisible(), false);
});

played('a refused stream is tried again, and known moments are not shown twice', async (page, daemon) => {
  page.expecting(HTTP_REFUSED);
  daemon.say(said(1000, {events: [{n: 1, t: 1000, kind: 'attached', s: 'demo', pid: 1}]}));
  await shownMoment(page, 'one-1');
  daemon.refusing = true;
  daemon.dropWatchers();
  await page.until('it says that the daemon is gone', () => document.body.dataset.connection === 'gone');
  assert.match(await page.text('#connection'), /daemon gone, trying again\s+last heard/);
  const deadline = Date.now() + PATIENCE_MS;
  while (daemon.refused < 2 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(daemon.refused >= 2, 'it tries more than once');
  await page.until('it says that there may be no place', () => document.body.dataset.connection === 'refused');
  assert.match(await page.text('#connection'), /the daemon is gone or has too many watchers/);
  daemon.refusing = false;
  daemon.say(said(1000.5));
  await page.until('it is live again', () => document.body.dataset.connection === 'live');
  await shownMoment(page, 'one-2');
  assert.equal(daemon.askedAfter, 'one-1', 'it asks for what it does not know yet');
  assert.equal(await page.page.locator('#events li').count(), 1);
});

played('a daemon that restarted is begun anew, and marked', async (page, daemon) => {
  page.expecting(HTTP_REFUSED);
  daemon.say(said(1000, {classes: [export_({c: 'of the past'})]}));
  daemon.say(said(1000.5, {classes: [export_({c: 'of the past'})]}));
  await page.page.locator('#classes tr[data-class="of the past"]').waitFor();
  daemon.restart('two');
  daemon.say(said(1003, {classes: [export_()]}));
  await page.page.locator('#classes tr[data-class="demo/export"]').waitFor();
  assert.equal(await page.page.locator('#classes tbody tr').count(), 1);
  assert.match(await page.text('#events'), /the daemon restarted/);
  assert.match(await page.page.locator('#timeline canvas').getAttribute('aria-label'), /daemon restarted/);
  await page.untilPixels('#timeline canvas', 'mark');
});

played('names are text, whatever is in them', async (page, daemon) => {
  const name = '<img src="x" onerror="throw 1"><script>throw 2</script>';
  daemon.say(said(1000, {
    services: [{...demo, name}], classes: [export_({s: name, c: name})],
    workers: [{s: name, pid: 1, name, poll: {c: name, age: 3, over: true}}],
    ended: [{s: name, pid: 1, w: 5, c: name, start: 999, for: 0.5, tier: 'warn'}],
    events: [{n: 1, t: 1000, kind: 'tier', s: name, c: name, from: 'warn', to: 'isolate', reason: name, enf: 'enforce'}]}));
  await shownMoment(page, 'one-1');
  for (const place of ['#services', '#classes', '#rows', '#events', '#charts']) {
    assert.ok((await page.text(place)).includes('<script>throw 2</script>'), place);
  }
  await page.page.locator('#service').selectOption(name);
  assert.equal(await page.page.locator('#classes tbody tr').count(), 1);
  assert.equal(await page.page.locator('img, body script').count(), 0);
});

played('as much as a moment may hold fits at every width', async (page, daemon) => {
  const long = 'a/class/of/which/nobody/would/think/that/it/has/so/long/a/name/as/this/one/'.repeat(3);
  for (let n = 0; n < 4; n++) {
    daemon.say(said(1000 + n / 2, {
      services: Array.from({length: 101}, (_, i) => ({...demo, name: `service-${i}`})),
      classes: Array.from({length: 50}, (_, i) => export_({s: `service-${i}`, c: `${long}${i}`})), left_out: 950,
      workers: Array.from({length: 128}, (_, i) => ({s: `service-${i % 9}`, pid: 1, w: i, name: `${long}${i}`, poll: {c: long, age: 70, over: true, tier: 'warn'}})),
      workers_left_out: 30, ended_left_out: 7,
      ended: Array.from({length: 200}, (_, i) => ({s: 'service-0', pid: 2, w: i, c: long, start: 1000 + n / 2 - 0.4, for: 0.3})),
      events: Array.from({length: 200}, (_, i) => ({n: i + 1, t: 1000, kind: 'held', s: 'service-0', pid: 1, c: `${long}${i}`, enf: 'enforce'}))}));
  }
  await shownMoment(page, 'one-4');
  for (const size of [WIDE, PHONE]) {
    await page.page.setViewportSize(size);
    await page.checkFits();
  }
  assert.match(await page.text('#classes-note'), /950 that use less CPU/);
  assert.equal(await page.page.locator('#events li').count(), 100);
  assert.match(await page.text('#workers-note'), /^30 workers more are not listed.*28 long polls within the window are not drawn/);
  await page.page.locator('#service').selectOption('service-50');
  assert.match(await page.text('#workers-note'), /None of the workers of service-50 is listed/);
});

played('what is told of tiers without being asked is told a few together', async (page, daemon) => {
  const changes = (n) => [{n, t: 1000, kind: 'tier', s: 'demo', c: `c${n}`, from: 'warn', to: 'isolate', enf: 'enforce'}];
  const spoken = () => page.page.locator('#announcements').textContent();
  const heard = (n) => page.until(`${n} is heard`, (wanted) => document.querySelector('#connection').dataset.heard === wanted, `one-${n}`);
  await page.page.clock.install({time: 0});
  daemon.say(said(999.5, {events: changes(99)}));
  await page.page.goto(daemon.address);
  await page.page.clock.pauseAt(100_000);
  daemon.say(said(1000, {events: changes(99)}));
  await heard(2);
  assert.equal(await spoken(), 'live');
  await page.page.clock.runFor(4_500);
  assert.equal(await spoken(), 'live', 'what was before the page is not told as new');
  daemon.say(said(1000.5, {events: changes(1)}));
  await heard(3);
  assert.equal(await spoken(), 'live');
  await page.page.clock.runFor(600);
  assert.equal(await spoken(), 'c1 is now at Isolate');
  for (let n = 2; n <= 20; n++) daemon.say(said(1000 + n / 2, {events: changes(n)}));
  await heard(22);
  await page.page.clock.runFor(4_000);
  assert.equal(await spoken(), 'c1 is now at Isolate');
  await page.page.clock.runFor(950);
  assert.equal(await spoken(), 'c20 is now at Isolate; 18 other changes');
});

played('where stillness is wished for, nothing glides', async (page, daemon) => {
  const workers = [{s: 'demo', pid: 1, name: 'demo-0', poll: {c: 'demo/export', age: 2, over: true, tier: 'isolate'}}];
  daemon.say(said(1000, {workers}));
  await shownMoment(page, 'one-1');
  const frames = await page.page.evaluate(async () => {
    const seen = new Set();
    const canvas = document.querySelector('#timeline canvas');
    for (let frame = 0; frame < 20; frame++) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      seen.add(canvas.toDataURL());
    }
    return seen.size;
  });
  assert.equal(frames, 1);
}, {reducedMotion: 'reduce'});

played('a link shows what the one who made it saw', async (page, daemon) => {
  daemon.say(said(1000, {services: [demo, {...demo, name: 'shop'}], classes: [export_(), export_({s: 'shop', c: 'pay'}), export_({s: 'shop', c: 'list'})]}));
  await shownMoment(page, 'one-1');
  await page.page.locator('#service').selectOption('shop');
  await page.page.locator('#class').fill('PA');
  await page.page.locator('#window input[value="300"]').check({force: true});
  const link = page.page.url();
  await page.page.goto('about:blank').catch(() => {});
  page.wrong = [];
  await page.page.goto(link);
  await shownMoment(page, 'one-1');
  assert.deepEqual(await page.page.locator('#classes tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.class)), ['pay']);
  assert.match(await page.page.locator('#timeline canvas').getAttribute('aria-label'), /last 300 seconds/);
});

played('where rules except classes, it does not say that nothing is changed', async (page, daemon) => {
  const d = {...said(1000).d, enforcement: 'shadow'};
  daemon.say(said(1000, {d, classes: [export_({enf: 'shadow'})]}));
  await shownMoment(page, 'one-1');
  assert.match(await page.text('#enforcement'), /shadow\s*it decides, and changes nothing where no rule says otherwise/);
  daemon.say(said(1000.5, {d, classes: [export_({enf: 'shadow'}), export_({c: 'report/daily'}), export_({c: 'report/hourly'})]}));
  await shownMoment(page, 'one-2');
  assert.match(await page.text('#enforcement'), /shadow\s*but enforce for 2 classes\s*elsewhere it decides/);
  assert.equal(await page.page.title(), 'pulsed: shadow but enforce for 2 classes');
  await page.screenshot('6-but-enforce');
  daemon.say(said(1001, {classes: [export_({enf: 'observe'})]}));
  await shownMoment(page, 'one-3');
  assert.match(await page.text('#enforcement'), /enforce\s*but observe for 1 class\s*elsewhere it acts/);
});

played('a revision of which no event came is marked', async (page, daemon) => {
  for (let n = 0; n < 3; n++) daemon.say(said(1000 + n / 2, {d: {...said(1000).d, revision: n < 2 ? 1 : 2}}));
  await shownMoment(page, 'one-3');
  assert.match(await page.page.locator('#timeline canvas').getAttribute('aria-label'), /1 policy revision/);
  await page.untilPixels('#timeline canvas', 'mark');
});

played('charts are not made anew when two classes of like CPU change places', async (page, daemon) => {
  const say = (n) => daemon.say(said(1000 + n / 2, {
    classes: ['a', 'b', 'c', 'd', 'e', 'f'].map((c, at) => export_({c, p50: 0.001, p99: 0.01, cpu: 0.2 + 0.01 * ((at + n) % 2)}))}));
  for (let n = 0; n < 3; n++) say(n);
  await shownMoment(page, 'one-3');
  await page.page.locator('.chart .uplot').nth(3).waitFor();
  await page.page.evaluate(() => document.querySelectorAll('.chart .uplot').forEach((each) => (each.dataset.first = 'yes')));
  for (let n = 3; n < 12; n++) {
    say(n);
    await shownMoment(page, `one-${n + 1}`);
  }
  assert.equal(await page.page.locator('.chart .uplot[data-first="yes"]').count(), 4);
});

played('rows stay where they are for a few seconds, and a new one is there at once', async (page, daemon) => {
  const names = () => page.page.locator('#classes tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.class));
  await page.page.clock.install({time: 0});
  await page.page.goto(daemon.address);
  await page.page.clock.pauseAt(100_000);
  const show = async (n, ...classes) => {
    daemon.say(said(1000 + n * 6, {classes: classes.map(([c, cpu]) => export_({c, cpu}))}));
    await page.until(`${n} is heard`, (wanted) => document.querySelector('#connection').dataset.heard === wanted, `one-${n}`);
    await page.page.clock.runFor(100);
  };
  await show(1, ['a', 0.3], ['b', 0.2]);
  assert.deepEqual(await names(), ['a', 'b']);
  await show(2, ['a', 0.1], ['b', 0.2]);
  assert.deepEqual(await names(), ['a', 'b']);
  await page.page.clock.runFor(3_000);
  await show(3, ['a', 0.1], ['b', 0.2]);
  assert.deepEqual(await names(), ['b', 'a']);
  await show(4, ['a', 0.1], ['b', 0.2], ['new', 0.4]);
  assert.deepEqual(await names(), ['new', 'b', 'a']);
});

played('a link that is put into an open page is followed', async (page, daemon) => {
  daemon.say(said(1000, {services: [demo, {...demo, name: 'shop'}], classes: [export_(), export_({s: 'shop', c: 'pay'})]}));
  await shownMoment(page, 'one-1');
  await page.page.evaluate(() => (location.hash = '#service=shop&window=10'));
  await page.until('only the shop is left', () => [...document.querySelectorAll('#classes tbody tr')].map((row) => row.dataset.class).join() === 'pay');
  assert.equal(await page.page.locator('#service').inputValue(), 'shop');
  assert.match(await page.page.locator('#timeline canvas').getAttribute('aria-label'), /last 10 seconds/);
});

played('five minutes of full moments are shown at every width, in light and dark', async (page, daemon) => {
  for (let n = 1; n <= 600; n++) daemon.say(fullMoment(n, n < 590 ? {events: 20, ends: 12} : {}));
  await shownMoment(page, 'one-600');
  for (const [width, size] of [['wide', WIDE], ['phone', PHONE]]) {
    await page.page.setViewportSize(size);
    for (const scheme of ['light', 'dark']) {
      await page.page.emulateMedia({colorScheme: scheme});
      await page.until('it is in these colours', (wanted) => matchMedia(`(prefers-color-scheme: ${wanted})`).matches, scheme);
      for (const tier of ['warn', 'yield', 'isolate']) await page.untilPixels('#timeline canvas', tier);
      await page.checkFits();
      await page.screenshot(`7-full-${width}-${scheme}`);
    }
  }
  await page.page.locator('#window input[value="300"]').check({force: true});
  await page.untilPixels('#timeline canvas', 'mark');
  assert.match(await page.page.locator('#timeline canvas').getAttribute('aria-label'), /1 policy revision/);
  await page.screenshot('8-full-phone-5min');
  await page.page.setViewportSize(WIDE);
  await page.page.emulateMedia({colorScheme: 'light'});
  await page.screenshot('8-full-wide-5min');
});

played('a change of a tier says of which class it was', async (page, daemon) => {
  daemon.say(said(1000));
  daemon.say(said(1000.5, {events: [{n: 1, t: 1000.25, kind: 'tier', s: 'demo', c: 'demo/export', from: 'warn', to: 'isolate', enf: 'enforce'}]}));
  await shownMoment(page, 'one-2');
  await page.page.locator('#pause').click();
  const box = await page.page.locator('#timeline canvas').boundingBox();
  await page.page.mouse.move(box.x + box.width - 4, box.y + 44);
  await page.page.locator('#tip', {hasText: /demo\/export to Isolate/}).waitFor();
});

played('a stream that says nothing is begun again, more than once', async (page, daemon) => {
  await page.page.clock.install({time: 0});
  daemon.say(said(1000));
  await page.page.goto(daemon.address);
  await page.page.clock.pauseAt(100_000);
  await page.until('a moment is heard', () => document.querySelector('#connection').dataset.heard === 'one-1');
  for (let round = 0; round < 3; round++) {
    const {asked} = daemon;
    await page.page.clock.runFor(21_000);
    const deadline = Date.now() + PATIENCE_MS;
    while (daemon.asked === asked && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(daemon.asked > asked, `asked again, ${round}`);
    await page.until('it is there, and silent', () => document.body.dataset.connection === 'silent');
  }
});

played('one drawing that fails does not stop those after it', async (page, daemon) => {
  daemon.say(said(1000));
  await shownMoment(page, 'one-1');
  page.expecting(/the drawing failed/);
  await page.page.evaluate(() => {
    const {clearRect} = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function fails() {
      CanvasRenderingContext2D.prototype.clearRect = clearRect;
      throw new Error('the drawing failed');
    };
  });
  daemon.say(said(1000.5));
  await page.until('a drawing failed', () => CanvasRenderingContext2D.prototype.clearRect.name === 'clearRect');
  daemon.say(said(1001, {classes: [export_()]}));
  await page.page.locator('#classes tr[data-class="demo/export"]').waitFor();
});

played('a clock that was set back is not told as a daemon that restarted', async (page, daemon) => {
  daemon.say(said(1000));
  daemon.say(said(500));
  await shownMoment(page, 'one-2');
  assert.match(await page.page.locator('#timeline canvas').getAttribute('aria-label'), /clock set back$/);
});

played('a value without neighbours is seen, too', async (page, daemon) => {
  daemon.say(said(1000, {classes: [export_({p50: 0.001, p99: 0.01})]}));
  daemon.say(said(1000.5));
  await shownMoment(page, 'one-2');
  await page.untilPixels('.chart canvas', 'series-1');
});
