// The charts: what each shows of the moments.
import {Chart, type ChartData, type ChartKind, type Line} from './chart';
import {found} from './element';
import type {Filter} from './filter';
import type {KeptMoment} from './history';
import type {Mark} from './marks';
import {className, KEY_SEPARATOR, type Counts} from './moment';
import {cores, duration, rate} from './quantity';
import {classLine, cpuTimes, doneTo, sumLine, topClasses, wouldBeDoneTo, type Points} from './rates';
import type {Theme} from './theme';

const TIMED_CLASSES = 4;

const POLL_TIME: ChartKind = {title: 'Poll time', hint: 'p99, and dashed p50, by classes of most CPU; estimated within histogram buckets', text: duration, logarithmic: true};
const CPU: ChartKind = {title: 'CPU time', hint: 'by class, of one core', text: (value) => (value === 0 ? '0' : cores(value)), logarithmic: false};
const perSecond = (value: number): string => (value === 0 ? '0' : rate(value));
const ACTIONS: ChartKind = {title: 'Violations, and what is done', hint: 'per second', text: perSecond, logarithmic: false};
const SHADOW: ChartKind = {
  title: 'Shadow against enforce', hint: 'per second: what is done, and dashed what would be', text: perSecond, logarithmic: false,
};

export interface ChartsInput {
  moments: readonly KeptMoment[];
  marks: readonly Mark[];
  filter: Filter;
  windowSeconds: number;
  to: number;
}

export class Charts {
  private readonly pollTime: Chart;
  private readonly cpu: Chart;
  private readonly actions: Chart;
  private readonly shadow: Chart;
  private colors = new Map<string, number>();
  private timed: readonly string[] = [];

  constructor(private theme: Theme) {
    [this.pollTime, this.cpu, this.actions, this.shadow] =
      [POLL_TIME, CPU, ACTIONS, SHADOW].map((kind) => new Chart(kind, theme)) as [Chart, Chart, Chart, Chart];
    found('#charts').append(this.pollTime.element, this.cpu.element, this.actions.element, this.shadow.element);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    for (const chart of [this.pollTime, this.cpu, this.actions, this.shadow]) chart.setTheme(theme);
  }

  show(input: ChartsInput): void {
    const used = cpuTimes(input.moments, input.filter);
    const keys = this.top(used);
    this.timed = topClasses(used, TIMED_CLASSES, this.timed);
    this.pollTime.show(this.data(input, this.pollTimeLines(input, keys.filter((key) => this.timed.includes(key)))));
    this.cpu.show(this.data(input, this.cpuLines(input, keys)));
    this.actions.show(this.data(input, this.actionLines(input)));
    this.shadow.show(this.data(input, this.shadowLines(input)));
  }

  /** Lines without a point in the window are none: their legend would only take room. */
  private data(input: ChartsInput, lines: Line[]): ChartData {
    const from = input.to - input.windowSeconds;
    const first = Math.max(0, input.moments.findIndex((moment) => moment.t >= from));
    const shown = lines.filter(({points}) => points.some((value, at) => at >= first && typeof value === 'number'));
    return {from, to: input.to, times: input.moments.map((moment) => moment.t), lines: shown, marks: input.marks};
  }

  /** A class keeps its colour as long as it is shown, and stands in the order of colours: two that change places in CPU do not. */
  private top(used: ReadonlyMap<string, number>): string[] {
    const keys = topClasses(used, this.theme.series.length, [...this.colors.keys()]);
    for (const key of this.colors.keys()) if (!keys.includes(key)) this.colors.delete(key);
    for (const key of keys) {
      if (this.colors.has(key)) continue;
      const taken = new Set(this.colors.values());
      this.colors.set(key, this.theme.series.findIndex((_, at) => !taken.has(at)));
    }
    return keys.sort((a, b) => this.colors.get(a)! - this.colors.get(b)!);
  }

  private line(key: string, what: string, points: Points, dashed: boolean): Line {
    const [service, name] = key.split(KEY_SEPARATOR) as [string, string];
    const severalServices = new Set([...this.colors.keys()].map((each) => each.split(KEY_SEPARATOR)[0])).size > 1;
    const label = `${severalServices ? `${service} ` : ''}${className(name)}${what ? ` ${what}` : ''}`;
    return {label, color: this.theme.series[this.colors.get(key) ?? 0]!, dashed, points};
  }

  private pollTimeLines({moments, filter}: ChartsInput, keys: string[]): Line[] {
    return keys.flatMap((key) => [
      this.line(key, 'p99', classLine(moments, filter, key, (c) => c.p99, undefined), false),
      this.line(key, 'p50', classLine(moments, filter, key, (c) => c.p50, undefined), true),
    ]);
  }

  private cpuLines({moments, filter}: ChartsInput, keys: string[]): Line[] {
    return keys.map((key) => this.line(key, '', classLine(moments, filter, key, (c, elapsed) => c.cpu / elapsed, 0), false));
  }

  private sum(input: ChartsInput, label: string, color: string, dashed: boolean, counted: (together: Counts) => number): Line {
    return {label, color, dashed, points: sumLine(input.moments, input.filter, counted)};
  }

  private actionLines(input: ChartsInput): Line[] {
    const {theme} = this;
    const [demotions, isolations, , yields] = theme.series as [string, string, string, string];
    return [
      this.sum(input, 'violations', theme.text, false, (c) => c.violations),
      this.sum(input, 'yields', yields, false, (c) => c.yields),
      this.sum(input, 'isolations', isolations, false, (c) => c.isolations),
      this.sum(input, 'demotions', demotions, false, (c) => c.demotions),
    ];
  }

  private shadowLines(input: ChartsInput): Line[] {
    const {theme} = this;
    const [demotions, isolations, , yields] = theme.series as [string, string, string, string];
    return [
      this.sum(input, 'done', theme.text, false, doneTo),
      this.sum(input, 'would-be', theme.text, true, wouldBeDoneTo),
      this.sum(input, 'would-be yields', yields, true, (c) => c.wouldYield),
      this.sum(input, 'would-be isolations', isolations, true, (c) => c.wouldIsolate),
      this.sum(input, 'would-be demotions', demotions, true, (c) => c.wouldDemote),
    ];
  }
}
