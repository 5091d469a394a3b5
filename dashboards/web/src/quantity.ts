// Numbers as people read them.
const UNITS: readonly [number, string][] = [[1, 's'], [1e-3, 'ms'], [1e-6, 'µs']];

/** Three digits at most, as in 20.1 ms. */
export function duration(seconds: number): string {
  if (!(seconds > 0)) return '0';
  if (seconds >= 100) return longDuration(seconds);
  for (const [unit, name] of UNITS) {
    if (seconds >= unit * 0.9995) return `${digits(seconds / unit)} ${name}`;
  }
  return `${digits(seconds / 1e-9)} ns`;
}

/** As in 2 h 5 min. */
export function longDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

export function digits(value: number): string {
  if (value === 0) return '0';
  if (value >= 999.5) return grouped(value);
  return value >= 99.5 ? value.toFixed(0) : value >= 9.95 ? trimmed(value.toFixed(1)) : trimmed(value.toFixed(2));
}

/** A rate: nothing at all is a dash, so that what happens stands out. */
export function rate(perSecond: number): string {
  if (!(perSecond > 0)) return '–';
  return perSecond < 0.01 ? '< 0.01' : digits(perSecond);
}

/** Of a part of one core. */
export function cores(part: number): string {
  const percent = part * 100;
  if (!(percent > 0)) return '–';
  return percent < 0.1 ? '< 0.1 %' : `${percent >= 9.95 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

export function clock(t: number): string {
  return new Date(t * 1000).toLocaleTimeString('en-GB');
}

function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');
}
