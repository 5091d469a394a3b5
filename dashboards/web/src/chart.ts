// One chart over time. Lines come and go with what is shown; then it is made anew.
import uPlot from 'uplot';
import {found, made, setText} from './element';
import type {Mark} from './marks';
import {clock} from './quantity';
import type {Points} from './rates';
import type {Theme} from './theme';

export interface Line {
  label: string;
  color: string;
  dashed: boolean;
  points: Points;
}

export interface ChartData {
  from: number;
  to: number;
  times: number[];
  lines: Line[];
  marks: readonly Mark[];
}

export interface ChartKind {
  title: string;
  hint: string;
  text: (value: number) => string;
  /** Powers of ten, for what spans many. */
  logarithmic: boolean;
}

const HEIGHT = 190;
const SYNC = 'pulsed';

export class Chart {
  readonly element: HTMLElement;
  private readonly place: HTMLElement;
  private plot?: uPlot;
  private drawn = '';
  private data?: ChartData;

  constructor(private readonly kind: ChartKind, private theme: Theme) {
    this.place = made('div', {class: 'plot'});
    this.element = made('section', {class: 'panel chart'},
                        made('div', {class: 'panel-title'}, made('h2', {}, kind.title), made('p', {class: 'note'}, kind.hint)),
                        this.place, made('p', {class: 'unseen'}));
    new ResizeObserver(() => this.resize()).observe(this.place);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.drawn = '';
  }

  show(data: ChartData): void {
    this.data = data;
    const drawn = JSON.stringify(data.lines.map(({label, color, dashed}) => [label, color, dashed]));
    const values = [data.times, ...data.lines.map((line) => line.points)] as uPlot.AlignedData;
    const {plot} = this;
    if (plot && this.drawn === drawn) {
      plot.batch(() => {
        plot.setData(values, false);
        plot.setScale('x', {min: data.from, max: data.to});
      });
    } else if (this.place.clientWidth > 0) {
      this.plot?.destroy();
      this.plot = new uPlot(this.options(data), values, this.place);
      this.drawn = drawn;
    }
    // uPlot clears its legend when it draws, which it does in a microtask of its own.
    queueMicrotask(() => this.showLatest());
    setText(found('p.unseen', this.element), this.inWords(data));
  }

  private resize(): void {
    const width = this.place.clientWidth;
    if (this.plot && width > 0 && this.plot.width !== width) this.plot.setSize({width, height: HEIGHT});
  }

  /** Where no pointer asks for another time, the legend has the newest values. */
  private showLatest(): void {
    if (this.plot && (this.plot.cursor.left ?? -1) < 0) this.plot.setLegend({idx: this.plot.data[0].length - 1}, false);
  }

  private inWords(data: ChartData): string {
    const latest = data.lines.map(({label, points}) => {
      const value = points[points.length - 1];
      return `${label}: ${typeof value === 'number' ? this.kind.text(value) : 'none'}`;
    });
    return `Latest: ${latest.join('; ')}`;
  }

  private options(data: ChartData): uPlot.Options {
    const {theme, kind} = this;
    const font = `11px ${theme.font}`;
    const axis = {stroke: theme.muted, font, grid: {stroke: theme.line, width: 1}, ticks: {stroke: theme.line, width: 1}};
    return {
      width: this.place.clientWidth, height: HEIGHT, pxAlign: false,
      cursor: {sync: {key: SYNC, setSeries: false}, drag: {x: false, y: false}, points: {size: 6}},
      legend: {live: true, markers: {width: 3, fill: () => 'transparent', dash: (_, at) => (data.lines[at - 1]?.dashed ? 'dashed' : 'solid')}},
      scales: {x: {time: true, auto: false, min: data.from, max: data.to}, y: kind.logarithmic ? logarithmic() : fromZero()},
      axes: [
        {...axis, space: 70, size: 30, values: (_, splits) => splits.map((t) => clock(t))},
        {...axis, size: 62, values: (_, splits) => splits.map((value) => kind.text(value)),
         ...(kind.logarithmic ? {splits: (_: uPlot, __: number, min: number, max: number) => powersOfTen(min, max),
                                 filter: (_: uPlot, splits: number[]) => splits} : {})},
      ],
      series: [
        {label: 'at', value: (_, t) => (t === null ? '–' : clock(t))},
        ...data.lines.map((line): uPlot.Series => ({
          label: line.label, stroke: line.color, width: line.dashed ? 1.25 : 2, dash: line.dashed ? [5, 4] : undefined,
          points: {show: true, size: 4, fill: line.color, filter: (plot, at) => alone(plot.data[at]!)},
          value: (_, value) => (typeof value === 'number' ? kind.text(value) : '–'),
        })),
      ],
      hooks: {draw: [(plot) => this.drawMarks(plot)]},
    };
  }

  private drawMarks(plot: uPlot): void {
    const context = plot.ctx;
    const {left, top, width, height} = plot.bbox;
    const scale = window.devicePixelRatio || 1;
    context.save();
    context.strokeStyle = context.fillStyle = this.theme.mark;
    context.font = `600 ${10 * scale}px ${this.theme.font}`;
    context.textBaseline = 'top';
    context.lineWidth = 1.25 * scale;
    for (const mark of this.data?.marks ?? []) {
      const x = plot.valToPos(mark.t, 'x', true);
      if (mark.kind === 'tier' || x < left || x > left + width) continue;
      context.setLineDash(mark.kind === 'revision' ? [5 * scale, 3 * scale] : [2 * scale, 2 * scale]);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, top + height);
      context.stroke();
      const fits = x + 3 * scale + context.measureText(mark.label).width <= left + width;
      context.textAlign = fits ? 'left' : 'right';
      context.fillText(mark.label, x + (fits ? 3 : -3) * scale, top + scale);
    }
    context.restore();
  }
}

/** Where values have no line to another: nothing of them would be seen. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = [];
  let run: number[] = [];
  for (let at = 0; at <= values.length; at++) {
    const value = values[at];
    if (typeof value === 'number') run.push(at);
    else if (value === null || at === values.length) {
      if (run.length === 1) found.push(run[0]!);
      run = [];
    }
  }
  return found;
}

function fromZero(): uPlot.Scale {
  return {range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1]};
}

function logarithmic(): uPlot.Scale {
  return {
    distr: 3,
    range: (_, min, max) => (min > 0 && max > 0 ? [10 ** Math.floor(Math.log10(min)), 10 ** Math.ceil(Math.log10(max) + 1e-9)] : [1e-5, 1e-1]),
  };
}

function powersOfTen(min: number, max: number): number[] {
  const powers: number[] = [];
  for (let power = Math.ceil(Math.log10(min) - 1e-9); power <= Math.log10(max) + 1e-9; power++) powers.push(10 ** power);
  return powers;
}
