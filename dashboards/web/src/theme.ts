// Colours for what is drawn, from the style sheet, so that light and dark are decided in one place.
import type {Tier} from './moment';

export interface Theme {
  text: string;
  muted: string;
  line: string;
  surface: string;
  band: string;
  mark: string;
  tier: Record<Tier, string>;
  onTier: string;
  /** For lines of classes, apart from the colours of tiers. */
  series: string[];
  font: string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: color('text'), muted: color('muted'), line: color('line'), surface: color('surface'), band: color('band'),
    mark: color('mark'), onTier: color('on-tier'),
    tier: {monitor: color('monitor'), warn: color('warn'), yield: color('yield'), isolate: color('isolate')},
    series: [1, 2, 3, 4, 5].map((n) => color(`series-${n}`)),
    font: getComputedStyle(document.body).fontFamily,
  };
}

/** Calls when the reader's wish for light or dark changes. */
export function onThemeChange(call: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', call);
}

export function wantsStillness(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
