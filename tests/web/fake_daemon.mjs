// A daemon that says what a test wants: the assets that build.mjs bundled, and moments of its choosing at /events. For states
// that a real daemon is rarely in, and for looking at the page while nothing runs.
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The assets out of the C++ file that is compiled into pulsed. */
export function bundledAssets(file) {
  const found = [...readFileSync(file, 'utf8').matchAll(/\{"([^"]+)"sv, "([^"]+)"sv, R"pulsed_web\((.*?)\)pulsed_web"sv\}/gs)];
  return new Map(found.map(([, path, type, body]) => [path, {type, body}]));
}

export class FakeDaemon {
  constructor(assets) {
    this.assets = assets;
    this.watchers = new Set();
    this.epoch = 'one';
    this.n = 0;
    this.refused = 0;
    this.asked = 0;
    this.refusing = false;
    this.history = [];
    this.server = createServer((request, response) => this.answer(request, response));
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.address = `http://127.0.0.1:${this.server.address().port}/`;
  }

  answer(request, response) {
    response.setHeader('Content-Security-Policy', POLICY);
    const [path, query] = request.url.split('?');
    if (path === '/events') {
      this.asked++;
      this.askedAfter = new URLSearchParams(query).get('after') ?? request.headers['last-event-id'];
      return this.watch(response);
    }
    const asset = this.assets.get(path);
    response.writeHead(asset ? 200 : 404, {'Content-Type': asset?.type ?? 'text/plain'});
    response.end(asset?.body ?? 'not found');
  }

  watch(response) {
    if (this.refusing) {
      this.refused++;
      response.writeHead(503, {'Retry-After': '1'});
      response.end();
      return;
    }
    response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache'});
    response.write('retry: 200\n\n');
    const known = this.history.findIndex((message) => message.startsWith(`id: ${this.askedAfter}\n`));
    for (const message of this.history.slice(known + 1)) response.write(message);
    this.watchers.add(response);
    response.on('close', () => this.watchers.delete(response));
  }

  /** `skip` moments are never sent. */
  say(moment, skip = 0) {
    this.n += 1 + skip;
    const message = `id: ${this.epoch}-${this.n}\nevent: moment\ndata: ${JSON.stringify(moment)}\n\n`;
    this.history.push(message);
    for (const watcher of this.watchers) watcher.write(message);
  }

  dropWatchers() {
    for (const watcher of this.watchers) watcher.destroy();
    this.watchers.clear();
  }

  restart(epoch) {
    this.epoch = epoch;
    this.n = 0;
    this.history = [];
    this.dropWatchers();
  }

  async stop() {
    this.dropWatchers();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
