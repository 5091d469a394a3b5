// pulsed, the demo and its load, each ended by its pid when the test ends, however it ends.
import assert from 'node:assert/strict';
import {spawn, execFile} from 'node:child_process';
import {closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {get} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {PATIENCE_MS} from './browser.mjs';

const BIN = process.env.PULSED_BIN_DIR;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Demo {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'pulsed-page-'));
    this.runDir = join(this.folder, 'run');
    for (const name of ['run', 'state']) mkdirSync(join(this.folder, name));
    writeFileSync(join(this.folder, 'pulsed.yaml'), '');
    this.policy('shadow');
    this.children = new Set();
    /** Any that is free; from then on the same. */
    this.port = 0;
    process.on('exit', () => this.killAll());
  }

  get address() {
    return `http://127.0.0.1:${this.port}/`;
  }

  policy(enforcement) {
    writeFileSync(join(this.folder, 'policy.yaml'), `enforcement: ${enforcement}\n`);
  }

  start(name, ...options) {
    const log = join(this.folder, `${name}.log`);
    const out = openSync(log, 'a');
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('PULSED_')));
    const child = spawn(join(BIN, name), options.map(String), {stdio: ['ignore', out, out], env});
    closeSync(out);
    child.said = () => readFileSync(log, 'utf8');
    this.children.add(child);
    return child;
  }

  async startDaemon() {
    this.daemon = this.start('pulsed', '--config', join(this.folder, 'pulsed.yaml'), '--policy', join(this.folder, 'policy.yaml'),
                             '--run-dir', this.runDir, '--state-dir', join(this.folder, 'state'), '--http', `127.0.0.1:${this.port}`);
    const serves = /http:\/\/127\.0\.0\.1:(\d+)\//;
    await this.until('pulsed serves', this.daemon, () => serves.test(this.daemon.said()));
    this.port ||= Number(serves.exec(this.daemon.said())[1]);
    await this.until('pulsed answers', this.daemon, () => this.answers('-/ready'));
  }

  async startLoad() {
    const service = this.start('pulsed-demo', '--port', 0, '--threads', 2, '--run-dir', this.runDir);
    const listening = /listening on 127\.0\.0\.1:(\d+)$/m;
    await this.until('the demo listens', service, () => listening.test(service.said()));
    this.start('pulsed-load', '--port', listening.exec(service.said())[1], '--lookup-rate', 200, '--heavy', 'export', '--heavy-loops', 2,
               '--seconds', 600, '--warmup', 0);
  }

  answers(path) {
    return new Promise((resolve) => {
      get(this.address + path, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      }).on('error', () => resolve(false));
    });
  }

  async until(what, child, holds) {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      assert.equal(child.exitCode, null, `${what}: it ended\n${child.said()}`);
      assert.ok(Date.now() < deadline, `never: ${what}\n${child.said()}`);
      await wait(20);
    }
  }

  async killDaemon() {
    const gone = new Promise((resolve) => this.daemon.once('exit', resolve));
    this.daemon.kill('SIGKILL');
    await gone;
  }

  async ctl(...words) {
    const done = await promisify(execFile)(join(BIN, 'pulsectl'), ['--run-dir', this.runDir, ...words], {timeout: PATIENCE_MS});
    return done.stdout;
  }

  killAll() {
    for (const child of this.children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }

  async stop() {
    const gone = [...this.children].filter((child) => child.exitCode === null && child.signalCode === null)
      .map((child) => new Promise((resolve) => child.once('exit', resolve)));
    this.killAll();
    await Promise.all(gone);
    rmSync(this.folder, {recursive: true, force: true, maxRetries: 5, retryDelay: 100});
  }
}

/** What the daemon itself says at /events, beside the page. */
export class Listener {
  constructor(demo) {
    this.demo = demo;
    this.moments = [];
  }

  open() {
    this.request = get(`${this.demo.address}events`, (response) => {
      assert.match(response.headers['content-type'], /^text\/event-stream/);
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text) => {
        const messages = (rest + text).split('\n\n');
        rest = messages.pop();
        for (const message of messages) this.read(message);
      });
      response.on('error', () => {});
    });
    this.request.on('error', () => {});
  }

  read(message) {
    const field = (name) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(message)?.[1];
    if (field('event') === 'moment') this.moments.push({...JSON.parse(field('data')), n: Number(field('id').split('-').pop())});
  }

  async first(what, holds, after = -1) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = this.moments.find((moment) => moment.n > after && holds(moment));
      if (found) return found;
      assert.ok(Date.now() < deadline, `the daemon never said: ${what}`);
      await wait(20);
    }
  }

  close() {
    this.request?.destroy();
  }
}
