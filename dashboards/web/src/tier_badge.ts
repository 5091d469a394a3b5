// A tier as a letter on its colour, with its name beside it.
import {made, setAttribute, setText} from './element';
import {TIER_LETTERS, TIER_NAMES} from './event_text';
import type {Tier} from './moment';

export function fillTier(cell: HTMLElement, tier: Tier, more = ''): void {
  let badge = cell.querySelector<HTMLElement>('b');
  if (!badge) cell.replaceChildren((badge = made('b', {class: 'tier'})), made('span'));
  setAttribute(badge, 'data-tier', tier);
  setText(badge, TIER_LETTERS[tier]);
  setText(cell.lastElementChild!, TIER_NAMES[tier] + more);
}
