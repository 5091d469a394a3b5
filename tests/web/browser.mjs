// Debian's Chromium, driven by playwright-core, and a page in it that notes whatever should not happen: errors, requests
// beyond its origin, breaches of its content security policy.
import assert from 'node:assert/strict';
import {existsSync, mkdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';

const {chromium} = createRequire(join(process.env.PULSED_WEB_PACKAGES, 'package.json'))('playwright-core');
const CHROMIUM = '/usr/bin/chromium';
const SCREENSHOTS = process.env.PULSED_SCREENSHOTS;
export const SLOW = Number(process.env.PULSED_TEST_SLOW ?? 1);
// Ends what hangs, and says nothing of how fast things are.
export const PATIENCE_MS = 20_000 * SLOW;

export const WIDE = {width: 1280, height: 800};
export const PHONE = {width: 390, height: 844};

export async function openBrowser() {
  assert.ok(existsSync(CHROMIUM), `there is no ${CHROMIUM}: install Debian's chromium, as tests/run does`);
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
           '--disable-component-update', '--disable-sync'],
  });
}

export class WatchedPage {
  static async open(browser, address, options = {}) {
    const context = await browser.newContext({viewport: WIDE, ...options});
    const watched = new WatchedPage(await context.newPage(), address);
    watched.page.setDefaultTimeout(PATIENCE_MS);
    await watched.page.goto(address);
    return watched;
  }

  constructor(page, address) {
    this.page = page;
    this.wrong = [];
    this.expected = [];
    const {origin} = new URL(address);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.note(message.text());
    });
    page.on('pageerror', (error) => this.note(error.stack));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) this.note(`a request to ${request.url()}`);
    });
  }

  note(text) {
    if (!this.expected.some((pattern) => pattern.test(text))) this.wrong.push(text);
  }

  /** Nothing else may go wrong than what these say. */
  expecting(...patterns) {
    this.expected = patterns;
  }

  checkNothingWrong() {
    assert.deepEqual(this.wrong, []);
  }

  text(selector) {
    return this.page.locator(selector).innerText();
  }

  /** Waits in the page for what `holds` returns; `what` says so where it does not come. */
  async until(what, holds, argument) {
    try {
      const handle = await this.page.waitForFunction(holds, argument, {timeout: PATIENCE_MS, polling: 'raf'});
      return await handle.jsonValue();
    } catch (error) {
      throw new Error(`never: ${what}\n${error.message}\nthe page says:\n${await this.page.locator('body').innerText()}`);
    }
  }

  /** The page is no wider than what it is seen through. */
  async checkFits() {
    const [page, window, widest] = await this.page.evaluate(() => {
      const all = [...document.querySelectorAll('body *')].filter((element) => !element.closest('.scroll'));
      const [widest] = all.sort((a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right);
      return [document.documentElement.scrollWidth, innerWidth, `${widest.tagName} ${widest.className} in ${widest.parentElement.id}`];
    });
    assert.ok(page <= window, `${page} pixels wide in ${window}, up to ${widest}`);
  }

  /** How many pixels of a canvas are of a colour of the style sheet. */
  pixels(canvas, color) {
    return this.page.locator(canvas).first().evaluate((element, name) => {
      const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
      const wanted = [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16));
      const copy = document.createElement('canvas');
      [copy.width, copy.height] = [element.width, element.height];
      const context = copy.getContext('2d', {willReadFrequently: true});
      context.drawImage(element, 0, 0);
      const {data} = context.getImageData(0, 0, copy.width, copy.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] === 255 && wanted.every((part, each) => Math.abs(part - data[at + each]) <= 2)) count++;
      }
      return count;
    }, color);
  }

  async untilPixels(canvas, color) {
    const deadline = Date.now() + PATIENCE_MS;
    while ((await this.pixels(canvas, color)) === 0) {
      assert.ok(Date.now() < deadline, `${canvas} never had a pixel of ${color}`);
      await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    }
  }

  /** Presses Tab until the focus is on what is wanted. */
  async tabTo(selector) {
    for (let presses = 0; presses < 60; presses++) {
      if (await this.page.locator(selector).first().evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`Tab never came to ${selector}`);
  }

  async screenshot(name) {
    mkdirSync(SCREENSHOTS, {recursive: true});
    const path = join(SCREENSHOTS, `${name}.png`);
    await this.page.evaluate(() => scrollTo(0, 0));
    await this.page.screenshot({path, fullPage: true});
    console.log(`# screenshot: ${path}`);
  }

  close() {
    return this.page.context().close();
  }
}
