// The colours of page.css against each other, as WCAG 2.1 AA asks: 4.5 for text, 3 for what is drawn.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';

const css = readFileSync(process.env.PULSED_PAGE_CSS, 'utf8');
const themes = {};
for (const [name, block] of [['light', css.match(/:root \{(.*?)\n\}/s)[1]], ['dark', css.match(/dark\) \{\s*:root \{(.*?)\n {2}\}/s)[1]]]) {
  themes[name] = Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, key, value]) => [key, value]));
}

function luminance(color) {
  const part = (at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const TEXT = [
  ...['text', 'muted', 'accent', 'mark', 'good', 'bad'].flatMap((color) => [[color, 'surface'], [color, 'ground']]),
  ['muted', 'band'], ['text', 'bad-ground'], ...['monitor', 'warn', 'yield', 'isolate'].map((tier) => ['on-tier', tier]),
];
const DRAWN = [['edge', 'surface'], ['edge', 'ground'], ...['monitor', 'warn', 'yield', 'isolate'].map((tier) => [tier, 'surface']),
  ...[1, 2, 3, 4, 5].map((n) => [`series-${n}`, 'surface'])];

for (const [name, theme] of Object.entries(themes)) {
  test(`in ${name}, text and what is drawn stand out`, () => {
    for (const [pairs, least] of [[TEXT, 4.5], [DRAWN, 3]]) {
      for (const [a, b] of pairs) {
        assert.ok(theme[a] && theme[b], `${a} and ${b} are there`);
        const found = contrast(theme[a], theme[b]);
        assert.ok(found >= least, `${a} on ${b}: ${found.toFixed(2)} instead of ${least}`);
      }
    }
  });
}
